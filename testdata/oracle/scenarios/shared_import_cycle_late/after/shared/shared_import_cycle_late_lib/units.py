UNIT = "kg"


def names():
    from shared_import_cycle_late_lib.calc import NAMES

    return NAMES
