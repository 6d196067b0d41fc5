"""Differences between versions of the charts and of what they install, as tables instead of branches."""
