from shared_import_cycle_late_lib.units import UNIT

NAMES = [UNIT]


def scale(value, factor=2):
    return value * factor
