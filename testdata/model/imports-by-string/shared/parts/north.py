STEPS = ["n1", "n2"]
