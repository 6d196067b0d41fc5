"""Reversible changes that make an incident happen: one module per family, each with its undo and its proof.

A scenario imports its faults from here, and the conditions on volumes and storage classes that go with them.
"""

from promdrill.cluster.storage import CLASSES as STORAGE_CLASSES
from promdrill.cluster.storage import is_default as is_default_class
from promdrill.faults.base import Fault, FaultNotTaken, Ground, Undo
from promdrill.faults.commands import OnNode, RunIn
from promdrill.faults.df import inodes_full, no_inode, volume_below, volume_full, volume_shows
from promdrill.faults.edits import Replace, Set
from promdrill.faults.growth import GrowVolume
from promdrill.faults.objects import Applied, Deleted, Patched
from promdrill.faults.pods import DeleteServerPod, RestartServer
from promdrill.faults.reinstall import InOrder, Reinstall
from promdrill.faults.settings import Edited, TouchConfig, ValuesEdit
from promdrill.faults.storage import OWN_CLASS, RemoveStorage, default_class, no_class
from promdrill.faults.volume import FEW_INODES, FillInodes, FillVolume

__all__ = [
    "FEW_INODES",
    "OWN_CLASS",
    "STORAGE_CLASSES",
    "Applied",
    "DeleteServerPod",
    "Deleted",
    "Edited",
    "Fault",
    "FaultNotTaken",
    "FillInodes",
    "FillVolume",
    "Ground",
    "GrowVolume",
    "InOrder",
    "OnNode",
    "Patched",
    "Reinstall",
    "RemoveStorage",
    "Replace",
    "RestartServer",
    "RunIn",
    "Set",
    "TouchConfig",
    "Undo",
    "ValuesEdit",
    "default_class",
    "inodes_full",
    "is_default_class",
    "no_class",
    "no_inode",
    "volume_below",
    "volume_full",
    "volume_shows",
]
