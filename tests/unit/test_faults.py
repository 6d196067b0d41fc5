"""Each fault against a strict cluster: what it does, its undo, its proof, and that it notices doing nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.faults_world import NOW, PROOF, SERVER, VALUES, Place, place, pod, snapshot

from promdrill.core import shell
from promdrill.core.errors import ClusterError, CommandFailed, CommandTimeout, UsageError
from promdrill.faults import (
    Edited,
    Fault,
    FaultNotTaken,
    FillInodes,
    FillVolume,
    GrowVolume,
    RestartServer,
    Set,
    TouchConfig,
    ValuesEdit,
    inodes_full,
    no_inode,
    volume_below,
    volume_full,
    volume_shows,
)
from promdrill.faults.base import NAMESPACE, RELEASE
from promdrill.faults.pods import replaced, untouched
from promdrill.observe.probes import ExecProbe, ProbeAnswer
from promdrill.observe.snapshot import Snapshot

__all__ = ["place"]

CONFIG = "/api/v1/namespaces/drill-x/configmaps/prometheus-server"
POD = "/api/v1/namespaces/drill-x/pods/prometheus-server-a"
EXEC = "exec prometheus-server-a/prometheus-server: "
NO_SPACE = "No space left on device"


@pytest.mark.parametrize("path", ["server.extraFlags", ("server", "extraFlags")], ids=["dotted", "keys"])
def test_values_edit_and_its_undo(place: Place, path: str | tuple[str, ...]) -> None:
    fault = ValuesEdit(path, [], PROOF)
    assert fault.name == "set server.extraFlags to []"
    assert place.inject(fault) == PROOF
    assert place.done == ["upgrade with 'server:\\n  extraFlags: []\\n'"]
    assert place.undone() == [f"upgrade with {VALUES!r}"]


def test_a_key_with_a_dot_in_it_is_one_key(place: Place) -> None:
    place.inject(ValuesEdit(("serverFiles", "prometheus.yml"), {"a": 1}, PROOF))
    assert "serverFiles:\n  prometheus.yml: {a: 1}\n" in place.release.read()


def test_several_edits_are_one_upgrade(place: Place) -> None:
    fault = Edited((Set("server.extraFlags", []), Set("server.name", "x")), PROOF)
    assert fault.name == "set server.extraFlags to [], set server.name to 'x'"
    assert place.inject(fault) == PROOF
    assert place.done == ["upgrade with 'server:\\n  extraFlags: []\\n  name: x\\n'"]
    assert place.undone() == [f"upgrade with {VALUES!r}"]


def test_an_edit_that_changes_nothing_is_noticed(place: Place) -> None:
    with pytest.raises(FaultNotTaken, match=r"set server\.extraFlags to .*: values\.yaml already says so"):
        place.inject(ValuesEdit("server.extraFlags", ["web.enable-lifecycle"], PROOF))
    assert (place.done, place.release.read()) == ([], VALUES)


def test_an_upgrade_that_is_refused_is_taken_back_all_the_same(place: Place) -> None:
    place.fails = "upgrade"
    with pytest.raises(ClusterError):
        place.inject(ValuesEdit("server.extraFlags", [], PROOF))
    assert place.undone() == [f"upgrade with {VALUES!r}"]


REFUSAL = 'Error: UPGRADE FAILED: cannot patch "x": spec.selector: Invalid value: field is immutable\nUse --debug\n'


class Refusing(Place):
    """A place where Helm refuses the first upgrade, with these words."""

    said: str = REFUSAL

    def _helm(self, what: str, *release: object, timeout_s: float) -> None:
        super()._helm(what, *release, timeout_s=timeout_s)
        if len(self.done) == 1:
            raise CommandFailed(["helm", what], 1, self.said)


@pytest.fixture
def refusing(place: Place) -> Refusing:
    return Refusing(place.folder, place.journal)


@pytest.mark.parametrize(
    "fault",
    [
        ValuesEdit("server.extraFlags", [], refused="field is immutable"),
        Edited((Set("server.extraFlags", []),), refused=r"Invalid value: .* immutable$"),
    ],
    ids=["ValuesEdit", "Edited"],
)
def test_an_upgrade_that_is_refused_as_it_has_to_be_is_the_fault(refusing: Refusing, fault: Fault) -> None:
    refusing.said = REFUSAL.splitlines()[0]
    (proof,) = refusing.inject(fault)
    seen = proof.judge(snapshot())
    assert (seen.holds, seen.text) == (True, REFUSAL.splitlines()[0])
    assert proof.name.startswith("the upgrade is refused with /")
    assert refusing.undone() == [f"upgrade with {VALUES!r}"]


def test_a_refusal_that_no_single_line_has_is_shown_by_its_cause(refusing: Refusing) -> None:
    (proof,) = refusing.inject(ValuesEdit("server.extraFlags", [], refused=r"immutable\nUse"))
    assert "field is immutable" in proof.judge(snapshot()).text


def test_a_refusal_does_not_do_without_the_proof_that_is_stated(refusing: Refusing) -> None:
    found = refusing.inject(ValuesEdit("server.extraFlags", [], PROOF, refused="immutable"))
    assert [condition.name for condition in found] == ["the upgrade is refused with /immutable/", PROOF[0].name]


def test_a_refusal_with_other_words_is_not_the_fault(refusing: Refusing) -> None:
    reason = r"refused, but the message does not match /quota/: Error: UPGRADE FAILED: .* field is immutable$"
    with pytest.raises(FaultNotTaken, match=reason):
        refusing.inject(ValuesEdit("server.extraFlags", [], refused="quota"))
    assert refusing.undone() == [f"upgrade with {VALUES!r}"], "the undo was registered before"


def test_an_upgrade_that_goes_through_is_not_the_fault(place: Place) -> None:
    with pytest.raises(FaultNotTaken, match="the upgrade succeeded, but should have been refused with /immutable/"):
        place.inject(ValuesEdit("server.extraFlags", [], refused="immutable"))
    assert place.undone() == [f"upgrade with {VALUES!r}"]


def test_an_object_that_the_api_server_refuses_is_refused_too(place: Place) -> None:
    place.fails = "upgrade"
    (proof,) = place.inject(ValuesEdit("server.extraFlags", [], refused="was refused"))
    assert proof.judge(snapshot()).text == "upgrade was refused"


def test_an_upgrade_that_does_not_end_is_not_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_args: object, **_options: object) -> None:
        raise CommandTimeout(["helm"], -9, "immutable")

    monkeypatch.setattr(Place, "upgrade", late)
    with pytest.raises(CommandTimeout):
        place.inject(ValuesEdit("server.extraFlags", [], refused="immutable"))


def test_an_edit_needs_a_proof_or_a_refusal() -> None:
    for made in (lambda: ValuesEdit("a", 1), lambda: Edited((Set("a", 1),))):
        with pytest.raises(UsageError, match="an edit without a proof") as caught:
            made()
        assert "refused=..." in caught.value.hint


def test_touch_config_reaches_the_configmap(place: Place) -> None:
    place.objects[CONFIG] = lambda: {"data": {"prometheus.yml": place.release.read()}}
    assert place.inject(TouchConfig("second")) == ()
    assert "drill: second" in place.done[0]
    assert place.undone() == [f"upgrade with {VALUES!r}"]


def test_touch_config_that_does_not_reach_the_configmap_is_noticed(place: Place) -> None:
    place.objects[CONFIG] = lambda: {"data": {"prometheus.yml": "global: {}"}}
    with pytest.raises(FaultNotTaken, match="does not contain drill: second"):
        place.inject(TouchConfig("second"))


def test_restart_deletes_the_pod_and_waits_for_another(place: Place) -> None:
    proof = place.inject(RestartServer())
    assert place.done == [f"delete {POD}"]
    assert [c.judge(snapshot(pod("a"))).holds for c in proof] == [False]
    assert [c.judge(snapshot(pod("b"))).holds for c in proof] == [True]
    assert place.undone() == []


def test_a_fault_of_a_pod_needs_one(place: Place) -> None:
    place.pods = ()
    for fault in (RestartServer(), FillVolume(), FillInodes()):
        with pytest.raises(FaultNotTaken, match="no pod"):
            place.inject(fault)
    assert place.done == []


@pytest.mark.parametrize("inside", ["promdrill.fill", "wal/over here/fill"])
def test_fill_writes_until_no_byte_is_left(place: Place, inside: str) -> None:
    def local(script: str) -> tuple[int, str]:
        """Below a folder of the test, where the file to be written is /dev/full."""
        file = place.folder / "data" / inside
        file.parent.mkdir(parents=True)
        file.symlink_to("/dev/full")
        done = shell.run(["sh", "-c", script.replace("/data/", f"{place.folder}/data/")], timeout_s=10)
        return done.exit_code, done.stdout + done.stderr

    place.script = local
    (proof,) = place.inject(FillVolume(inside=inside))
    assert proof.name == "df: nothing left on /data"
    place.script = lambda _: (0, "")
    quoted = f"'/data/{inside}'" if " " in inside else f"/data/{inside}"
    assert place.undone() == [f"{EXEC}rm -rf {quoted}"]


@pytest.mark.parametrize("inside", ["fill", "a b/fill"])
def test_fill_uses_up_the_inodes_first_where_that_is_asked_for(place: Place, inside: str) -> None:
    data, order = place.folder / "data", place.folder / "order"
    tools = fake_tools(place.folder / "bin")
    (tools / "dd").write_text(f'#!/bin/sh\nls -A "{data}/{inside}.files" | wc -l >>"{order}"\n')

    def local(script: str) -> tuple[int, str]:
        # a shell with a dd of its own, such as busybox', would fill this machine's disk
        script = f"ulimit -f 2048\nPATH={tools}:$PATH\n{script.replace('/data', str(data))}"
        done = shell.run(["sh", "-c", script], timeout_s=30)
        return done.exit_code, f"{done.stdout}{done.stderr}{NO_SPACE}"

    place.script = local
    proof = place.inject(FillVolume(inside=inside, inodes=True))
    assert [each.name for each in proof] == ["df: nothing left on /data", "df -i: no inode left on /data"]
    assert set(order.read_text().split()) == {"700"}, "all files are there before the first byte"
    assert (data / inside).is_file()
    place.script = lambda _: (0, "")
    removed = [f"'/data/{inside}{end}'" if " " in inside else f"/data/{inside}{end}" for end in (".files", "")]
    assert place.undone() == [f"{EXEC}rm -rf {path}" for path in removed]


def test_a_fill_says_what_it_makes() -> None:
    assert FillVolume().blast_radius == ("/data/promdrill.fill on the volume of the drilled server",)
    assert len(FillVolume(inodes=True).blast_radius) == 2
    assert FillVolume(inodes=True).name == "fill /data to the last byte and inode"


def test_fill_makes_the_folders_of_its_file(place: Place) -> None:
    def local(script: str) -> tuple[int, str]:
        shell.run(
            ["sh", "-c", script.replace("/data", str(place.folder)).replace("/dev/zero", "/dev/null")], timeout_s=9
        )
        return 0, NO_SPACE

    place.script = local
    place.inject(FillVolume(inside="a b/c/fill"))
    assert (place.folder / "a b/c/fill").is_file()


TOUCH = """#!/bin/sh
# A file system with room for 700 files.
[ $# -gt 0 ] || exit 1
n=$(ls | wc -l)
for file; do
  [ "$n" -lt 700 ] || { echo "touch: $file: No space left on device" >&2; exit 1; }
  : >"$file" && n=$((n + 1))
done
"""

SEQ = """#!/bin/sh
# That of busybox takes no format.
case $1 in -*) echo "seq: invalid option" >&2; exit 1 ;; esac
n=0
while [ "$n" -lt "$1" ]; do n=$((n + 1)); echo "$n"; done
"""


def fake_tools(folder: Path) -> Path:
    """A folder with a touch that runs out of inodes, a seq like that of busybox, and room for a dd."""
    folder.mkdir()
    for name, text in (("touch", TOUCH), ("seq", SEQ), ("dd", "")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def test_fill_inodes_makes_files_until_none_can_be_made(place: Place) -> None:
    tools, data = fake_tools(place.folder / "bin"), place.folder / "data"

    def local(script: str) -> tuple[int, str]:
        script = f"PATH={tools}:$PATH\n{script.replace('/data', str(data))}"
        done = shell.run(["sh", "-c", script], timeout_s=30, ok=(0, 1))
        return done.exit_code, done.stdout + done.stderr

    place.script = local
    (proof,) = place.inject(FillInodes())
    assert proof.name == "df -i: no inode left on /data, though bytes are"
    made = {path.name for path in (data / "promdrill.inodes").iterdir()}
    assert (len(made), {"0.1", "0.500", "1.200"} <= made) == (700, True)
    place.script = lambda _: (0, "")
    assert place.undone() == [f"{EXEC}rm -rf /data/promdrill.inodes"]


@pytest.mark.parametrize("output", ["", "can't open '/data/x': Read-only file system"])
@pytest.mark.parametrize("fault", [FillVolume(), FillInodes()], ids=["bytes", "inodes"])
def test_a_fill_that_did_not_fill_is_noticed(place: Place, fault: FillVolume | FillInodes, output: str) -> None:
    place.script = lambda _: (0, output)
    with pytest.raises(FaultNotTaken, match="did not end with"):
        place.inject(fault)
    assert [line.startswith(f"{EXEC}rm -rf /data/promdrill.") for line in place.undone()] == [True]


def test_undoing_a_fill_without_a_pod_leaves_it_to_the_volume(place: Place) -> None:
    place.script = lambda _: (0, NO_SPACE)
    place.inject(FillVolume())
    place.pods = ()
    assert place.undone() == []
    assert "it goes with the volume" in place.journal.path.read_text()


BYTES, INODES = "-kP", "-iP"


def df(whole: int, left: int, *, status: int | None = 0, column: str = BYTES) -> dict[Any, ProbeAnswer]:
    probe = ExecProbe("p", SERVER.container, ("df", column, "/data"))
    text = (
        "Filesystem           1024-blocks    Used Available Capacity Mounted on\n"
        f"/dev/loop0 {whole} {whole - left} {left} 50% /data\n"
    )
    return {probe: ProbeAnswer(0, 0, NOW, status, text if status == 0 else "exec failed")}


def seen(*answers: dict[Any, ProbeAnswer]) -> Snapshot:
    return replace(snapshot(), answers={probe: answer for each in answers for probe, answer in each.items()})


def test_df_full() -> None:
    full = volume_full(SERVER, "p", "/data")
    assert full.judge(seen(df(240_000, 0))).holds
    assert full.judge(seen(df(240_000, 20))).holds
    assert full.judge(seen(df(240_000, 64))).holds
    assert not full.judge(seen(df(240_000, 65))).holds


SHOWN_KIB = {
    "300Mi": {"xfs": 241_664, "ext4": 277_623, "ext4 with few inodes": 296_091},
    "350Mi": {"xfs": 292_864, "ext4": 325_775, "ext4 with few inodes": 347_247},
    "450Mi": {"xfs": 395_264, "ext4": 421_311, "ext4 with few inodes": 449_346},
}
"""What df shows of volumes; grown from 300 MiB as in `make test-agent-vm`, those with few inodes made so large."""


@pytest.mark.parametrize("kind", ["xfs", "ext4", "ext4 with few inodes"])
def test_df_grown(kind: str) -> None:
    grown = volume_shows(SERVER, "p", "/data", "450Mi")
    for size in ("300Mi", "350Mi"):
        assert not grown.judge(seen(df(SHOWN_KIB[size][kind], 100_000))).holds
        assert volume_shows(SERVER, "p", "/data", size).judge(seen(df(SHOWN_KIB[size][kind], 100_000))).holds
    assert grown.judge(seen(df(SHOWN_KIB["450Mi"][kind], 100_000))).holds
    assert not grown.judge(seen(df(SHOWN_KIB["450Mi"][kind], 0))).holds


def test_of_a_large_volume_ext4_keeps_more_than_xfs() -> None:
    grown = volume_shows(SERVER, "p", "/data", "10Gi")
    assert grown.judge(seen(df(9_500_000, 100_000))).holds
    assert not grown.judge(seen(df(9_300_000, 100_000))).holds


def test_df_without_inodes_has_bytes_left() -> None:
    full = inodes_full(SERVER, "p", "/data")
    no_inode, some = df(3000, 0, column=INODES), df(3000, 1, column=INODES)
    assert full.judge(seen(no_inode, df(240_000, 200_000))).holds
    assert not full.judge(seen(some, df(240_000, 200_000))).holds
    assert not full.judge(seen(no_inode, df(240_000, 64))).holds, "a volume without bytes is another incident"
    assert "3000 inodes, 1 left" in full.judge(seen(some, df(240_000, 200_000))).text


@pytest.mark.parametrize(
    "snapshot",
    [
        seen(),
        seen(df(1, 1, status=1), df(1, 1, status=1, column=INODES)),
        seen(df(1, 1, status=None), df(1, 1, status=None, column=INODES)),
    ],
    ids=["not asked", "failed", "nobody answered"],
)
def test_df_that_was_not_answered_is_not_known(snapshot: Snapshot) -> None:
    for condition in (
        volume_full(SERVER, "p", "/data"),
        volume_shows(SERVER, "p", "/data", "1Mi"),
        inodes_full(SERVER, "p", "/data"),
    ):
        judged = condition.judge(snapshot)
        assert (judged.holds, judged.known) == (False, False)


def test_df_of_inodes_that_was_answered_alone_does_not_hold() -> None:
    judged = inodes_full(SERVER, "p", "/data").judge(seen(df(3000, 0, column=INODES)))
    assert (judged.holds, judged.known) == (False, False)


def test_the_same_pod() -> None:
    same = untouched(SERVER, "a", 1)
    assert same.judge(snapshot(pod("a", restarts=1))).holds
    assert not same.judge(snapshot(pod("a", restarts=2))).holds
    assert not same.judge(snapshot(pod("b", restarts=1))).holds
    assert not same.judge(snapshot()).holds
    young = pod("a")
    young["status"] = {}
    assert untouched(SERVER, "a", 0).judge(snapshot(young)).holds


def test_another_pod() -> None:
    another = replaced(SERVER, "a")
    assert not another.judge(snapshot()).holds
    assert not another.judge(snapshot(pod("a"), pod("b"))).holds
    assert another.judge(snapshot(pod("b"))).holds
    assert another.judge(snapshot(pod("b"))).text == pod("b")["metadata"]["name"]
    assert another.judge(snapshot()).text == "no server pod"


@pytest.mark.parametrize("fault", [FillVolume(), FillInodes()], ids=["bytes", "inodes"])
def test_files_on_a_volume_that_goes_with_the_namespace_are_not_removed_one_by_one(
    place: Place, fault: FillVolume | FillInodes
) -> None:
    place.undo.register("delete namespace", lambda: place.act("delete namespace"), ends=NAMESPACE)
    place.script = lambda _: (0, NO_SPACE)
    place.inject(fault)
    assert place.undone() == ["delete namespace"]
    assert place.undo.failures == []


def test_df_of_a_volume_that_is_just_as_large_as_its_size_allows() -> None:
    """At most 72 MiB are xfs' own; what is smaller is the volume as it was before it grew."""
    shown, least = volume_shows(SERVER, "p", "/data", "300Mi"), (300 - 72) * 1024
    assert [shown.judge(seen(df(size, 100_000))).holds for size in (least, least - 1)] == [True, False]


def test_df_below_a_share() -> None:
    half = volume_below(SERVER, "p", "/data", 0.5)
    assert [half.judge(seen(df(200_000, left))).holds for left in (100_000, 99_999)] == [True, False]


def test_what_is_no_table_of_df_says_nothing() -> None:
    """Such as what a shell says in its place, with exit code 0."""
    said = {probe: replace(answer, text="busybox") for probe, answer in df(1, 1).items()}
    said |= {probe: replace(answer, text="busybox") for probe, answer in df(1, 1, column=INODES).items()}
    for condition in (volume_full(SERVER, "p", "/data"), no_inode(SERVER, "p", "/data")):
        judged = condition.judge(seen(said))
        assert (judged.holds, judged.known, judged.text) == (False, False, "df: busybox")


def test_an_edit_goes_with_the_release(place: Place) -> None:
    place.undo.register("uninstall", lambda: place.act("uninstall"), ends=RELEASE)
    place.inject(ValuesEdit("server.extraFlags", [], PROOF))
    assert place.undone() == ["uninstall"], "no upgrade of what is removed anyway"


@pytest.mark.parametrize("fault", [RestartServer(), GrowVolume("450Mi", PROOF)], ids=["restart", "growth"])
def test_what_cannot_be_taken_back_is_said(place: Place, fault: Fault) -> None:
    place.inject(fault)
    place.undone()
    assert "nothing to take back" in place.journal.path.read_text()


def test_a_restart_proves_itself() -> None:
    with pytest.raises(TypeError):
        RestartServer(PROOF)  # type: ignore[call-arg]


def test_what_is_kept_is_not_taken_back_later(place: Place) -> None:
    place.inject(ValuesEdit("server.extraFlags", [], PROOF))
    place.undo.keep()
    assert place.undone() == []
