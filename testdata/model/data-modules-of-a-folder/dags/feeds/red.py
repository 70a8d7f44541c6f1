TABLE = "red"
