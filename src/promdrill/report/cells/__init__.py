"""The cells of a matrix as one report."""
