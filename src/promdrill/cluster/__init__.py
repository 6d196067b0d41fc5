"""One driver a tool: kind, Helm, the API server, volumes."""
