from factory_names_appended_lib.factory import build

dag = build("factory_names_appended", ["a", "b", "c"])
