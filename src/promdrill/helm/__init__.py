"""Everything about Helm and charts: find them, compute their values, know what differs by version, run Helm."""
