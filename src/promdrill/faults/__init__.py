"""Reversible changes that make an incident happen: one module per family, each with its undo and its proof."""

from promdrill.faults.base import Fault, FaultNotTaken, Ground, Undo
from promdrill.faults.df import volume_full, volume_shows
from promdrill.faults.pods import RestartServer
from promdrill.faults.release import ChartRef, Release
from promdrill.faults.settings import TouchConfig, ValuesEdit
from promdrill.faults.volume import FillVolume

__all__ = [
    "ChartRef",
    "Fault",
    "FaultNotTaken",
    "FillVolume",
    "Ground",
    "Release",
    "RestartServer",
    "TouchConfig",
    "Undo",
    "ValuesEdit",
    "volume_full",
    "volume_shows",
]
