from .. import PREFIX
from ..names import PREFIX as SAME

NAME = PREFIX + "_" + SAME
