def fetch(a, b):
    yield a
    yield b
