from state import seen

seen.NAMES.append("b")
seen.EXTRA = "c"
