"""How often the checks are right, on labelled samples: one command a check, which prints a table."""
