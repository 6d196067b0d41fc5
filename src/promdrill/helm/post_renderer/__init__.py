"""Charts from before Kubernetes 1.25, rewritten for today's API server."""
