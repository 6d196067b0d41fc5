"""Clusters: kind, what each one is, their life from creation to deletion, leases, owners and storage."""
