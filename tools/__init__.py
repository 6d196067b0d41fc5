"""Tools for those who change promdrill itself."""
