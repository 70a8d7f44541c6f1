from shared_import_cycle_lib.calc import NAMES

UNIT = "kg"
ALL = NAMES
