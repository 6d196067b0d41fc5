"""Bundles: everything that a run needs in one file."""
