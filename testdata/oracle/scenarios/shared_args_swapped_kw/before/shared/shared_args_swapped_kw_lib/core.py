def fetch(a, b):
    return f"{a}-{b}"
