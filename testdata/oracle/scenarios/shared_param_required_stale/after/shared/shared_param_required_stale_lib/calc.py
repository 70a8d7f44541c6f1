def scale(value, unit, factor=2):
    return value * factor
