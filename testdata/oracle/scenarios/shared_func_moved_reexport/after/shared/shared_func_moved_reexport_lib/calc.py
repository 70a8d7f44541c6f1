from shared_func_moved_reexport_lib.numbers_ import scale

__all__ = ["scale"]
