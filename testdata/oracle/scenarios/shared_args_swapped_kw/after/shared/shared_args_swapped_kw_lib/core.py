def fetch(b, a):
    return f"{a}-{b}"
