def fetch(a, b):
    [a, b]
