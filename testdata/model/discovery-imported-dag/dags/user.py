# This file imports the dag of another one, and so airflow finds it here as well.
from maker import dag as theirs
