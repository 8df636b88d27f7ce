"""The walls of a box: the command by which bubblewrap starts one, its limits, and the calls to the kernel that nobody in it may make."""

import os
import platform
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptlab.errors import AdaptLabError

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What a box may use; seconds are those of a step (a cell, or all the calls of an answer), and of the whole."""

    step_seconds: float = 30
    total_seconds: float = 180
    memory_bytes: int = 3 * 1024 * MIB
    answer_bytes: int = 64 * MIB
    disk_bytes: int = 200 * MIB
    processes: int = 64


DEFAULT = Limits()


def environment(home: str, temporary: str) -> dict[str, str]:
    """All that a box knows of its surroundings: nothing says that it is graded, and arithmetic has one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "ADAPTLAB_UNATTENDED": "1"}
    places = {"HOME": home, "TMPDIR": temporary, "MPLCONFIGDIR": f"{temporary}/matplotlib", "PATH": "/usr/bin", "USER": "student", "LANG": "C.UTF-8"}
    return threads | quiet | places


def readable() -> list[Path]:
    """What a box may read besides the system's own libraries: the interpreter, its packages, and this package without its grading folder."""
    import adaptlab

    places = {Path(sys.prefix), Path(sys.base_prefix), Path(adaptlab.__file__).parent}
    outer = [place.resolve() for place in places]
    return sorted(place for place in outer if not any(place != other and place.is_relative_to(other) for other in outer))


def bwrap_command(folder: Path, limits: Limits, calls: int, inside: Sequence[str], info: int | None = None) -> list[str]:
    """The command of a box by bubblewrap, with a command inside; `folder` holds the harness.

    From the descriptor `calls` it reads the filter of system calls, and at `info` it says which process is the box's first.

    Where the grader is run by root, /proc has files that root may write without any capability, which would change the kernel for all: it is read-only.
    The order matters: a size belongs to the tmpfs behind it, what stands later covers what stands earlier, and the root becomes read-only at the end.
    Limits by prlimit are set inside, where they count the box's own processes. CPython needs neither /etc nor a user of its own.
    """
    mounts = ["--ro-bind", "/usr", "/usr"]
    for name in ("lib", "lib64", "bin"):
        if Path(f"/{name}").is_symlink():
            mounts += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        elif Path(f"/{name}").exists():
            mounts += ["--ro-bind", f"/{name}", f"/{name}"]
    mounts += ["--proc", "/proc", "--dev", "/dev", "--size", str(64 * MIB), "--tmpfs", "/dev/shm"]
    for place in ("/tmp", "/box"):
        mounts += ["--size", str(limits.disk_bytes), "--tmpfs", place]
    for place in readable():  # after /tmp, in which the course may stand
        mounts += ["--ro-bind", str(place), str(place)]
    mounts += ["--tmpfs", str(Path(__file__).parent.resolve()), "--remount-ro", str(Path(__file__).parent.resolve())]
    mounts += ["--ro-bind", str(folder), "/grader", "--chdir", "/box", *(word for place in ("/proc", "/dev", "/") for word in ("--remount-ro", place))]
    variables = [word for name, value in environment("/box", "/tmp").items() for word in ("--setenv", name, value)]
    apart = ["--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--clearenv",
             "--seccomp", str(calls), *([] if info is None else ["--info-fd", str(info)])]  # fmt: skip
    limited = ["prlimit", *(f"--{name}={value}" for name, value in kernel_limits(limits).items()), "--"]
    return ["bwrap", *apart, *mounts, *variables, "--", *limited, *inside]


def kernel_limits(limits: Limits) -> dict[str, int]:
    """The limits that the kernel keeps for each process, by their names."""
    return {"nproc": limits.processes, "as": limits.memory_bytes + 2048 * MIB, "fsize": limits.disk_bytes, "nofile": 1024, "core": 0}


def level() -> str:
    """The level of this machine's box, "bwrap"; an AdaptLabError where there is none."""
    if shutil.which("bwrap") and subprocess.run(["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "true"],
                                                 capture_output=True).returncode == 0:  # fmt: skip
        return "bwrap"
    raise AdaptLabError("Strangers' notebooks need a box, and this machine has none: install bubblewrap (Debian, Ubuntu and WSL2: apt install bubblewrap). "
                        "If it is there and does not start, unprivileged user namespaces are switched off.")  # fmt: skip


# Numbers of system calls that no notebook needs: keys that the box would inherit, other processes' memory, mounts and namespaces, and calls with a long
# history of faults in the kernel (bpf, io_uring, userfaultfd, perf). By machine: its name in the filter, then the calls.
REFUSED = {
    "x86_64": (0xC000003E, (101, 155, 161, 165, 166, 246, 248, 249, 250, 272, 298, 304, 308, 310, 311, 312, 313, 321, 323, 425, 426, 427, 428, 429, 442)),
    "aarch64": (0xC00000B7, (39, 40, 41, 51, 97, 104, 117, 217, 218, 219, 241, 265, 268, 270, 271, 272, 273, 280, 282, 425, 426, 427, 428, 429, 442)),
}
LOAD, EQUAL, ABOVE, RETURN = 0x20, 0x15, 0x35, 0x06  # a word of the call; jump if it is this, or at least this; the verdict
ALLOW, NOT_PERMITTED = 0x7FFF0000, 0x00050000 | 1


def system_calls() -> bytes:
    """The filter that the kernel asks about each call, as its program: what is refused fails as not permitted. On a machine that is not known nothing is."""
    if platform.machine() not in REFUSED:
        return struct.pack("=HBBI", RETURN, 0, 0, ALLOW)
    architecture, numbers = REFUSED[platform.machine()]
    n = len(numbers)
    steps = [(LOAD, 0, 0, 4), (EQUAL, 0, n + 3, architecture), (LOAD, 0, 0, 0), (ABOVE, n + 1, 0, 0x40000000)]  # from there on x86_64 has its calls again
    steps += [(EQUAL, n - i, 0, number) for i, number in enumerate(numbers)]
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, NOT_PERMITTED)])
