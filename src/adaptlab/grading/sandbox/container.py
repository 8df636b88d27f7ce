"""The levels "podman" and "docker": a sandbox in a container, with an image that is made here
without a download. It sees the same files as bubblewrap's sandbox.

The image is empty except for mount points. The kernel limits memory and the number of processes for
the whole container.
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
# Where an engine reports whether it can limit memory: the format, and a word in its output.
MEMORY = {
    "podman": ("{{.Host.CgroupControllers}}", "memory"),
    "docker": ("{{.MemoryLimit}}", "true"),
}
# Allowance for processes of this user in other containers, which the kernel counts together. The
# container limits its own number.
ROOM = 1000
# In the folder of the harness: the seccomp filter, and the empty folder that hides the grading
# package with its reference answers.
PROFILE = "calls.json"
NOTHING = "nothing"
# They may contain passwords.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
# A container survives the program that started it. This shell waits until its input is closed, by
# the grader or by the grader's death, and then removes the container.
UNDERTAKER = 'cat; exec "$0" rm --force "$1"'
PATIENCE = 5  # seconds for an engine to report that a container has ended
# Timeout in seconds for an engine that does not answer, so that it cannot block a batch.
HANGING = 30


def image() -> tuple[str, bytes]:
    """Return the name of the image, with a hash of its content, and the image: a tar archive of
    empty folders, and of the symbolic links of this system.
    """
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in ("proc", "dev", "sys", "tmp", "box", "grader", "etc"):
            # The same mode as the tmpfs that is mounted there.
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
    """Return the seccomp filter in the engines' format: that of bubblewrap's sandbox. It also
    forbids new namespaces, which bubblewrap forbids in another way.
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
    """Put into the folder of the harness what an engine needs there."""
    (folder / NOTHING).mkdir(exist_ok=True)
    if not (folder / PROFILE).exists():
        (folder / PROFILE).write_text(json.dumps(profile()))
        folder.chmod(0o755)  # the container runs as another user


def _name() -> str:
    return f"{PREFIX}{os.getpid()}-{secrets.token_hex(6)}"


def _last(said: bytes) -> str:
    """Return the last line of an engine's error output."""
    return (said.decode(errors="replace").strip().splitlines() or ["it gives no reason"])[-1][:200]


@dataclass(frozen=True)
class Engine:
    """Podman or Docker. Their commands are the same except for a few options."""

    name: str

    def missing(self) -> str:
        """Return why this level is not available here; "" if it is."""
        if platform.system() != "Linux" or not shutil.which(self.name):
            return (
                f"{self.name} is not installed"
                if platform.system() == "Linux"
                else f"{self.name} makes sandboxes only on Linux"
            )
        tells, word = MEMORY[self.name]
        tried = self.said("info", f"--format={tells}")
        if tried.returncode:
            return f"{self.name} does not answer ({_last(tried.stderr)})"
        if word not in tried.stdout.decode():
            return f"{self.name} cannot limit the memory of a container here"
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
        """Return the command that starts a named container with a command inside; `folder` holds
        the harness. The command inside has a timeout, in case the grader dies.
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
        # Switch off what the engine adds: writable space without a limit, account names, and the
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
        memory = limits.memory_bytes + 2 * limits.disk_bytes + SHM  # files in memory count
        limited = [
            f"--memory={memory}",
            f"--memory-swap={memory}",
            f"--pids-limit={limits.processes}",
        ]
        kept = kernel_limits(limits) | {"nproc": limits.processes + ROOM}
        # The engine's default may exceed what it is allowed to set.
        limited += [f"--ulimit={name}={kept[name]}:{kept[name]}" for name in ("nproc", "nofile")]
        mounts = [
            f"--tmpfs={place}:rw,mode=1777,size={limits.disk_bytes}" for place in ("/tmp", "/box")
        ] + [f"--shm-size={SHM}"]
        system = [place for place in SYSTEM if not place.is_symlink()]
        mounts += [f"--volume={place}:{place}:ro" for place in (*system, *readable())] + [
            f"--volume={folder}:/grader:ro"
        ]
        # Not a tmpfs: Podman copies the covered files into it.
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
        """Start a sandbox."""
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
        # In this folder, because Podman writes a file there when memory runs out.
        process: Any = subprocess.Popen(words, cwd=folder, start_new_session=True, **pipes)
        return Contained(process.stdin, process.stdout, process, end, self, name)

    def said(self, *words: str, **more) -> subprocess.CompletedProcess:
        """Return the result of an engine's command; after a timeout, an error result."""
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
    """A sandbox in a container. `process` is the engine's client; `end` removes the container when
    its own input is closed.
    """

    process: subprocess.Popen
    end: subprocess.Popen
    engine: Engine
    name: str
    first: int | None = None  # pid of the container's first process, when known

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
        """Return the processes of a Podman container, which are processes of this machine. They are
        monitored in case the kernel does not let Podman limit them. Docker's processes may be on
        another machine.
        """
        if self.engine.name != "podman":
            return set()
        if self.first is None:
            said = self.engine.said("inspect", "--format={{.State.Pid}}", self.name).stdout
            self.first = int(said) if said.strip().isdigit() and int(said) else None
        return set() if self.first is None else alive(self.first) | below(self.first)
