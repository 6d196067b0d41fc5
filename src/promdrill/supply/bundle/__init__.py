"""Bundles: everything a run needs in one file."""
