"""The volume agent's tests on loop devices, in a small machine: ``python -m tests.vm.agent``, from the checkout.

For hosts that cannot run them all: one without CAP_SYS_RESOURCE never grows a mounted ext4. The machine is Debian's
cloud kernel in QEMU, emulated by one thread (several made this kernel panic), with an initramfs of mkfs and its like
and the compiled tests. A test that is skipped on a host fails in there. Needs the Debian archive and Go; as root,
missing Debian packages are installed. Nothing of it stays, but those packages.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.vm import initramfs

from promdrill.core import paths, shell
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import CommandTimeout, PromdrillError

SUITE = "trixie"
TREE_PACKAGES = ("linux-image-cloud-amd64", "busybox-static", "e2fsprogs", "xfsprogs")
"""The kernel, a shell for the start, and what a node has for file systems."""

HOST_PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
"""Program or file on the host, and the Debian package that has it."""

MODULES = ("loop", "ext4", "xfs")
MEMORY_MIB = 3072
"""For 1.1 GiB of volumes in a tmpfs, the 512 MiB that the agent keeps free beside them, and the machine itself."""

MACHINE_S = 600.0
"""From power on to off: 383 s measured where the machine had a fifth of a core."""

BUILD_S = 600.0
TREE_S = 600.0
APT_S = 900.0

PASSED = "promdrill-vm: passed"
"""The last line but the kernel's, when every test passed."""

INIT = f"""#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
/bin/busybox mount -t tmpfs -o size=90% none /tmp
for module in /modules/*; do /bin/busybox insmod "$module" || echo "promdrill-vm: $module is not loaded"; done
cd /tmp
PROMDRILL_LOOP_TESTS=all PATH=/usr/sbin:/usr/bin /volume.test -test.v -test.timeout={MACHINE_S:.0f}s
code=$?
if [ "$code" = 0 ]; then echo "{PASSED}"; else echo "promdrill-vm: failed, exit code $code"; fi
/bin/busybox poweroff -f
"""


class NotProven(PromdrillError):
    """A test failed, or the machine did not get so far."""


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """Run the tests in the machine; 0 when all passed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="promdrill-vm-"))
    try:
        prepare_host()
        prove(folder)
    except PromdrillError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def prepare_host() -> None:
    """See that the host has what is needed; as root, install it.

    Raises:
        NotProven: Something is missing and cannot be installed.
    """
    if not shutil.which("go"):
        raise NotProven("go is not on PATH", hint="https://go.dev/dl, Go 1.26")
    missing = [package for what, package in HOST_PACKAGES.items() if not (Path(what).exists() or shutil.which(what))]
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if missing and (os.geteuid() != 0 or not shutil.which("apt-get")):
        raise NotProven(f"missing: {', '.join(missing)}", hint=f"on Debian or Ubuntu: sudo {command}")
    if missing:
        say(f"installing {', '.join(missing)}, which stay")
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        shell.run(["apt-get", "update", "-qq"], timeout_s=APT_S, env=env)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        shell.run(install, timeout_s=APT_S, env=env, hint=command)


def prove(folder: Path) -> None:
    """Make the machine in the folder, and run it.

    Raises:
        NotProven: A test failed, or the machine did not get so far.
        CommandFailed: The machine could not be made.
    """
    began = SYSTEM.monotonic()
    say("compiling the tests")
    tests, tree = folder / "volume.test", folder / "tree.tar"
    compile_tests(tests)
    say(f"getting {', '.join(TREE_PACKAGES)} of {SUITE}")
    make_tree(tree)
    files = {"init": INIT.encode(), "volume.test": tests.read_bytes()}
    for place, (name, content) in enumerate(initramfs.modules(tree, MODULES)):
        files[f"modules/{place:02}-{name}.ko"] = content  # busybox goes by the name
    initramfs.write(folder / "initramfs", tree, files)
    (folder / "kernel").write_bytes(initramfs.kernel(tree))
    say(f"made after {SYSTEM.monotonic() - began:.0f} s; starting the machine")
    judge(run_machine(folder))
    say(f"every test passed, after {SYSTEM.monotonic() - began:.0f} s")


def compile_tests(into: Path) -> None:
    """Compile the tests of the package that makes, mounts and grows volumes."""
    env = {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    argv = ["go", "test", "-c", "-o", str(into), "./volume"]
    shell.run(argv, timeout_s=BUILD_S, env=env, cwd=paths.images_dir() / "volume-agent")


def make_tree(into: Path) -> None:
    """Get the Debian packages, unpacked and not set up, as a tar archive."""
    mode = "root" if os.geteuid() == 0 else "unshare"
    argv = ["mmdebstrap", "--quiet", "--variant=extract", f"--mode={mode}", "--architectures=amd64"]
    argv += ["--skip=output/dev", f"--include={','.join(TREE_PACKAGES)}", SUITE, str(into)]
    shell.run(argv, timeout_s=TREE_S)


def run_machine(folder: Path) -> list[str]:
    """Run the machine until it is off; the lines on its console.

    Raises:
        NotProven: It was not off in time.
    """
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line.rstrip("\r"))
        say(f"  {lines[-1]}")

    argv = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "Nehalem", "-m", str(MEMORY_MIB)]
    argv += ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"]
    argv += ["-kernel", str(folder / "kernel"), "-initrd", str(folder / "initramfs")]
    argv += ["-append", "console=ttyS0 quiet panic=-1"]
    try:
        shell.run(argv, timeout_s=MACHINE_S, on_line=on_line)
    except CommandTimeout as error:
        raise NotProven(f"the machine was not off after {MACHINE_S:.0f} s, and said last: {lines[-1:]}") from error
    return lines


def judge(lines: list[str]) -> None:
    """See that the tests were run, and passed.

    Raises:
        NotProven: They were not, or did not.
    """
    if PASSED in lines and any(line.startswith("--- PASS: TestOnLoopDevices") for line in lines):
        return
    failed = [line.strip() for line in lines if line.lstrip().startswith("--- FAIL")]
    raise NotProven(f"in the machine: {'; '.join(failed) or lines[-1:]}")


if __name__ == "__main__":
    sys.exit(main())
