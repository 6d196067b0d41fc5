"""Everything about Helm and its charts: finding them, their values, what differs by version, the command itself."""
