"""What all sandboxes have in common: limits, environment variables, and readable folders."""

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
USUALLY_MAPPED = 600 * MIB  # address space of the fork server, with torch for CPUs
# Prefix of the names of our folders and containers, before the pid of the process that made them.
PREFIX = "adaptlab-box-"
OPEN_FILES = 4096
GRADING = Path(__file__).resolve().parents[1]  # the grading package, with the reference answers
# Programs and libraries; most are links into the first.
SYSTEM = tuple(place for place in map(Path, ("/usr", "/lib", "/lib64", "/bin")) if place.exists())


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use.

    Seconds: `step_seconds` for one step (a cell, or all calls of an answer), `total_seconds` for
    one sandbox, `whole_seconds` for all sandboxes of a notebook. `answer_bytes` are for all calls
    of a step.
    """

    step_seconds: float = 30
    total_seconds: float = 180
    memory_bytes: int = 3 * 1024 * MIB
    whole_seconds: float = 720
    answer_bytes: int = 16 * MIB
    files: int = 20_000
    open_files: int = 2048
    disk_bytes: int = 200 * MIB
    processes: int = 64


DEFAULT = Limits()


def environment(home: str, temporary: str) -> dict[str, str]:
    """Return the environment variables of a sandbox. None of them reveals that the notebook is
    graded, and numeric libraries use one thread.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    quiet = {
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ADAPTLAB_UNATTENDED": "1",
    }
    # Without a network, pip would retry for a long time.
    quiet |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    places = {
        "HOME": home,
        "TMPDIR": temporary,
        "MPLCONFIGDIR": f"{temporary}/matplotlib",
        "PATH": "/usr/bin",
        "USER": "student",
        "LANG": "C.UTF-8",
    }
    return threads | quiet | places | _own_library()


def _own_library() -> dict[str, str]:
    """Return the folder of the interpreter's shared library, if it has one. The system's library
    cache, which lists it outside, is not in the sandbox.
    """
    name = sysconfig.get_config_var("INSTSONAME") or ""
    for folder in (f"{sys.base_prefix}/lib", sysconfig.get_config_var("LIBDIR")):
        # Path.exists would raise for a folder of another user.
        if ".so" in name and folder and os.path.exists(f"{folder}/{name}"):
            return {"LD_LIBRARY_PATH": str(folder)}
    return {}


def readable() -> list[Path]:
    """Return what a sandbox may read in addition to the system's libraries: the interpreter, its
    packages, and this package without its grading folder.
    """
    import adaptlab

    places = {Path(sys.prefix), Path(sys.base_prefix), Path(adaptlab.__file__).parent}
    outer = [place.resolve() for place in places]
    return sorted(
        place
        for place in outer
        if not any(place != other and place.is_relative_to(other) for other in outer)
    )


def kernel_limits(limits: Limits, mapped_bytes: int = 0) -> dict[str, int]:
    """Return the limits that the kernel enforces for each process, by their names.

    `mapped_bytes`: address space of the interpreter whose fork becomes the sandbox. torch for CUDA
    needs several times as much as torch for CPUs; a lower limit would kill the process at its
    start.
    """
    libraries = 2048 * MIB + max(0, mapped_bytes - USUALLY_MAPPED)
    return {
        "nproc": limits.processes,
        "as": limits.memory_bytes + libraries,
        "fsize": limits.disk_bytes,
        "nofile": _open_files(),
        "core": 0,
    }


def _open_files() -> int:
    """Return the limit on open files: as many as in Jupyter, if this machine allows it."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
