def scale(value, factor=2, unit=None):
    return value * factor
