"""Two sets of results, compared cell by cell."""
