__all__ = ["A"]
A, B = "listed_a", "hidden"
