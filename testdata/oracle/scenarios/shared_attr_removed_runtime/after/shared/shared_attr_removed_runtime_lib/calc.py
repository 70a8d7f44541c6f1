def multiply(value, factor=2):
    return value * factor
