"""Where a chart comes from, and what it contains."""
