from loop.two import TWO

ONE = "one"
