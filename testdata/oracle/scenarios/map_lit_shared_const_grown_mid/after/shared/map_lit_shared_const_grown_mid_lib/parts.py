ITEMS = ["a", "b", "c", "d"]
