"""Supply: everything that a cluster and its drills are made of, built here or fetched, pinned and checked."""

from promdrill.supply.provide import provide

__all__ = ["provide"]
