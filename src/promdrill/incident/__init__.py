"""A reproduced incident that is left standing: its record, judging a repair of it, and what is said of it."""
