"""Supply: everything that a cluster and its drills are made of, built here or fetched, pinned and checked."""

from promdrill.supply.provide import OWN_IMAGES, archives, available, chart, completed, helm, provide, settle

__all__ = ["OWN_IMAGES", "archives", "available", "chart", "completed", "helm", "provide", "settle"]
