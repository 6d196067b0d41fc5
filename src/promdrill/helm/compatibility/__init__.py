"""What differs between versions of the charts and of what they install: tables, not branches."""
