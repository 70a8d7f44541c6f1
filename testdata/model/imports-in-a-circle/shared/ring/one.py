import ring.two

NAME = "one"


def both():
    return f"{NAME}_{ring.two.NAME}"
