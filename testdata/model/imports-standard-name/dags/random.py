NAME = "not this one"
