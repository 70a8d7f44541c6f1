ITEMS = sorted(["a", "b", "c"], reverse=True)
