"""The one exception that a person at the terminal is meant to read."""


class Problem(Exception):
    """Something its reader can mend, said in one line. The command prints it and exits with code 1."""
