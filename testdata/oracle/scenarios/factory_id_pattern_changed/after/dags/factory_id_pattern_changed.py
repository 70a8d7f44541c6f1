from factory_id_pattern_changed_lib.factory import build

dag = build("factory_id_pattern_changed", ["a", "b"])
