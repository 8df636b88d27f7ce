"""The levels "podman" and "docker": a box in a container of an image made here, without a download.
It sees the same files as in bubblewrap's box.

The image is empty but for places to mount on. What the kernel can keep for all processes of a
container together, memory and their number, it does.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptlab.grading.sandbox.limits import (
    DEFAULT,
    GRADING,
    MIB,
    PREFIX,
    SYSTEM,
    Limits,
    environment,
    kernel_limits,
    readable,
)
from adaptlab.grading.sandbox.running import RunningSandbox, alive, below
from adaptlab.grading.sandbox.seccomp import NAMESPACES, NEW, NO_FILE, REFUSED, SHARED

NOBODY = "65534:65534"
SHM = 64 * MIB  # for /dev/shm
# Where an engine tells whether it can limit that.
MEMORY = {
    "podman": ("{{.Host.CgroupControllers}}", "memory"),
    "docker": ("{{.MemoryLimit}}", "true"),
}
# Processes of this user in other containers, which the kernel counts with the box's; their own
# number is limited by the container.
ROOM = 1000
PROFILE = "calls.json"
# In the folder of the harness: the filter of system calls, and what stands in place of right
# answers.
NOTHING = "nothing"
# With passwords in them, sometimes.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
# A container outlives the program that asked for it. This one waits until its input is closed, by
# the grader or by the grader's death, and removes it then.
UNDERTAKER = 'cat; exec "$0" rm --force "$1"'
PATIENCE = 5  # seconds for an engine to tell that a container has ended
# Seconds after which an engine that does not answer is not waited for: its fault must not stop a
# batch.
HANGING = 30


def image() -> tuple[str, bytes]:
    """The name of the image, by what is in it, and the image: a tar of empty folders, and of links
    as this system has them.
    """
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in ("proc", "dev", "sys", "tmp", "box", "grader", "etc"):
            # As a tmpfs there will have it.
            tar.addfile(
                _entry(name, tarfile.DIRTYPE, mode=0o1777 if name in ("tmp", "box") else 0o755)
            )
        for place in SYSTEM:
            tar.addfile(
                _entry(place.name, tarfile.SYMTYPE, os.readlink(place))
                if place.is_symlink()
                else _entry(place.name, tarfile.DIRTYPE)
            )
    content = file.getvalue()
    return f"localhost/adaptlab-box:{hashlib.sha256(content).hexdigest()[:12]}", content


def _entry(name: str, kind: bytes, target: str = "", mode: int = 0o755) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.mode = mode
    entry.linkname = target
    return entry


def profile() -> dict:
    """The filter of system calls as engines take it: that of bubblewrap's box, and no namespace of
    the box's own, which bubblewrap forbids otherwise.
    """
    refused = {"action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM}
    flags = [("clone", 0, 1 << bit) for bit in range(32) if NAMESPACES >> bit & 1] + [
        ("mmap", 3, SHARED | NO_FILE)
    ]
    with_flags = [
        {
            "names": [call],
            "args": [{"index": index, "value": bits, "valueTwo": bits, "op": "SCMP_CMP_MASKED_EQ"}],
            **refused,
        }
        for call, index, bits in flags
    ]
    new = {"names": list(NEW), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS}
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": list(REFUSED), **refused}, new, *with_flags],
    }


def prepare(folder: Path) -> None:
    """Put into the folder of the harness what an engine needs from there."""
    (folder / NOTHING).mkdir(exist_ok=True)
    if not (folder / PROFILE).exists():
        (folder / PROFILE).write_text(json.dumps(profile()))
        folder.chmod(0o755)  # the user in the container is another


def _name() -> str:
    return f"{PREFIX}{os.getpid()}-{secrets.token_hex(6)}"


def _last(said: bytes) -> str:
    """The last line of what an engine complains of."""
    return (said.decode(errors="replace").strip().splitlines() or ["it does not say why"])[-1][:200]


@dataclass(frozen=True)
class Engine:
    """Podman or Docker, whose commands are the same but for a few words."""

    name: str

    def missing(self) -> str:
        """Why there is no such box here; empty if there is."""
        if platform.system() != "Linux" or not shutil.which(self.name):
            return (
                f"{self.name} is not installed"
                if platform.system() == "Linux"
                else f"{self.name} makes boxes of Linux's own files only"
            )
        tells, word = MEMORY[self.name]
        tried = self.said("info", f"--format={tells}")
        if tried.returncode:
            return f"{self.name} does not answer ({_last(tried.stderr)})"
        if word not in tried.stdout.decode():
            return f"{self.name} may not limit the memory of a container here"
        self._import()
        with tempfile.TemporaryDirectory() as name:
            prepare(folder := Path(name))
            tried = self.said(
                *self.command(folder, DEFAULT, _name(), ["true"])[1:], stdin=subprocess.DEVNULL
            )
        return (
            f"{self.name} does not start a container ({_last(tried.stderr)})"
            if tried.returncode
            else ""
        )

    def command(self, folder: Path, limits: Limits, name: str, inside: Sequence[str]) -> list[str]:
        """The command of a container by that name, with a command inside that ends in time though
        the grader should be gone; `folder` holds the harness.
        """
        apart = [
            "--network=none",
            "--read-only",
            "--cap-drop=ALL",
            f"--user={NOBODY}",
            "--hostname=box",
            "--security-opt=no-new-privileges",
            "--security-opt=label=disable",
            f"--security-opt=seccomp={folder / PROFILE}",
        ]
        # What it would add of its own: room to write without a limit, the names of accounts, the
        # grader's proxies.
        if self.name == "podman":
            apart += [
                "--read-only-tmpfs=false",
                "--no-hosts",
                "--passwd=false",
                "--http-proxy=false",
            ]
        else:
            apart += [f"--env={name}=" for proxy in PROXIES for name in (proxy, proxy.lower())]
        memory = limits.memory_bytes + 2 * limits.disk_bytes + SHM  # files in memory count as such
        limited = [
            f"--memory={memory}",
            f"--memory-swap={memory}",
            f"--pids-limit={limits.processes}",
        ]
        kept = kernel_limits(limits) | {"nproc": limits.processes + ROOM}
        # An engine's own may be more than it may give.
        limited += [f"--ulimit={name}={kept[name]}:{kept[name]}" for name in ("nproc", "nofile")]
        mounts = [
            f"--tmpfs={place}:rw,mode=1777,size={limits.disk_bytes}" for place in ("/tmp", "/box")
        ] + [f"--shm-size={SHM}"]
        system = [place for place in SYSTEM if not place.is_symlink()]
        mounts += [f"--volume={place}:{place}:ro" for place in (*system, *readable())] + [
            f"--volume={folder}:/grader:ro"
        ]
        # No tmpfs: Podman copies into one what it covers.
        mounts += [f"--volume={folder / NOTHING}:{GRADING}:ro"]
        variables = [
            f"--env={variable}={value}" for variable, value in environment("/box", "/tmp").items()
        ]
        within = [
            "prlimit",
            *(f"--{name}={value}" for name, value in kept.items()),
            "--",
            "timeout",
            "--signal=KILL",
            str(limits.total_seconds),
        ]
        engine = [
            self.name,
            "run",
            "--interactive",
            "--rm",
            "--pull=never",
            "--log-driver=none",
            f"--name={name}",
            "--workdir=/box",
            "--entrypoint=",
        ]
        return [*engine, *apart, *limited, *mounts, *variables, image()[0], *within, *inside]

    def begin(self, folder: Path, limits: Limits) -> "Contained":
        """Begin a box."""
        prepare(folder)
        name = _name()
        words = self.command(folder, limits, name, [sys.executable, "-P", "/grader/server.py"])
        pipes: dict[str, Any] = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.DEVNULL,
        }
        end = subprocess.Popen(
            ["sh", "-c", UNDERTAKER, self.name, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # There Podman leaves a file when memory has run out.
        process: Any = subprocess.Popen(words, cwd=folder, start_new_session=True, **pipes)
        return Contained(process.stdin, process.stdout, process, end, self, name)

    def said(self, *words: str, **more) -> subprocess.CompletedProcess:
        """What the engine says to a command, or that it says nothing in time."""
        try:
            return subprocess.run([self.name, *words], capture_output=True, timeout=HANGING, **more)
        except subprocess.TimeoutExpired as error:
            return subprocess.CompletedProcess(
                error.cmd, errno.ETIMEDOUT, b"", f"no answer in {HANGING} seconds".encode()
            )

    def _import(self) -> None:
        name, content = image()
        if self.said("image", "inspect", name).returncode:
            self.said("import", "-", name, input=content)


@dataclass
class Contained(RunningSandbox):
    """A box in a container of an engine, whose client is `process`; `end` removes it, when its own
    input ends.
    """

    process: subprocess.Popen
    end: subprocess.Popen
    engine: Engine
    name: str
    first: int | None = None  # the container's first process, once it is known

    def close(self) -> None:
        self.engine.said("kill", self.name)
        self.into.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        self.process.kill()
        self.process.wait()
        self.out.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.end.communicate(timeout=HANGING)

    def code(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        code = self.process.poll()
        return 128 - code if code is not None and code - 128 in signal.valid_signals() else code

    def processes(self) -> set:
        """Podman's containers are processes of this machine, and watched where the kernel does not
        let it limit them; Docker's may be another machine's.
        """
        if self.engine.name != "podman":
            return set()
        if self.first is None:
            said = self.engine.said("inspect", "--format={{.State.Pid}}", self.name).stdout
            self.first = int(said) if said.strip().isdigit() and int(said) else None
        return set() if self.first is None else alive(self.first) | below(self.first)
