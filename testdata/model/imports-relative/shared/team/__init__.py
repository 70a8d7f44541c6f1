from .names import PREFIX
