from factory_param_renamed_stale_lib.factory import build

dag = build("factory_param_renamed_stale", names=["a", "b"])
