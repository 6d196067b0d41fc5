"""Supply: everything that a cluster and its drills are made of, built here or fetched, pinned and checked."""

from promdrill.supply.provide import archives, available, chart, helm, provide

__all__ = ["archives", "available", "chart", "helm", "provide"]
