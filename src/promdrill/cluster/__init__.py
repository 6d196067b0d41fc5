"""Clusters: kind, their life from creation to deletion, leases, owners and storage."""
