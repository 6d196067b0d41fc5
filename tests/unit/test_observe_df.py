"""What df printed, as numbers."""

from __future__ import annotations

import pytest

from promdrill.observe import df
from promdrill.observe.df import Inodes, Space
from promdrill.observe.probes import ExecProbe

HEAD = "Filesystem     1024-blocks  Used Available Capacity Mounted on\n"


def test_bytes_are_counted_in_blocks_of_1024() -> None:
    space = df.read_space(f"{HEAD}/dev/loop1 1000 500 400 56% /data\n")
    assert space == Space(size_bytes=1_024_000, left_bytes=409_600)
    assert space.used_bytes == 614_400, "what the file system keeps for itself is not left"


def test_no_more_is_left_than_there_is() -> None:
    assert Space(size_bytes=10, left_bytes=20).used_bytes == 0


def test_inodes_are_counted_one_by_one() -> None:
    assert df.read_inodes(f"{HEAD}/dev/loop1 3040 3040 0 100% /data\n") == Inodes(count=3040, left=0)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "\n",
        "df: /data: No such file or directory\n",
        HEAD,
        "/dev/loop1 - - - - /data",
        "/dev/loop1 - 500 400 56% /data",
        "/dev/loop1 1000 500 - - /data",
        "/dev/loop1 1000 500 400 56%",
    ],
)
def test_anything_else_is_not_a_table(output: str) -> None:
    assert df.read_space(output) is None
    assert df.read_inodes(output) is None


def test_the_probes_ask_for_one_mount() -> None:
    assert df.bytes_probe("p", "c", "/data") == ExecProbe("p", "c", ("df", "-kP", "/data"))
    assert df.inodes_probe("p", "c", "/data") == ExecProbe("p", "c", ("df", "-iP", "/data"))
