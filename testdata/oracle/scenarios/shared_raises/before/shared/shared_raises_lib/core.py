def fetch(a, b):
    return [a, b]
