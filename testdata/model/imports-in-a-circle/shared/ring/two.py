import ring.one

NAME = "two"


def early():
    return ring.one.both()
