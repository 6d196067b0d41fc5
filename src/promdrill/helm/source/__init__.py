"""Where a chart comes from, and what lies in it."""
