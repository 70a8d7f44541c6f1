TABLE = "blue"
