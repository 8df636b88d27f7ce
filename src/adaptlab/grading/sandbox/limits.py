"""What all boxes have in common: their limits, all that they know of their surroundings, and what
they may read.
"""

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
USUALLY_MAPPED = 600 * MIB  # by the interpreter that waits, with torch for processors
# Of the names of our folders and containers, before the number of the process that made them.
PREFIX = "adaptlab-box-"
OPEN_FILES = 4096
GRADING = Path(__file__).resolve().parents[1]  # the grading package: right answers are in it
# Programs and libraries; most are links into the first.
SYSTEM = tuple(place for place in map(Path, ("/usr", "/lib", "/lib64", "/bin")) if place.exists())


@dataclass(frozen=True)
class Limits:
    """What a box may use.

    Seconds are those of a step (a cell, or all the calls of an answer), of a box, and of all boxes
    of one notebook. Bytes of an answer are those of all the calls of a step.
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
    """All that a box knows of its surroundings: nothing says that it is graded, and arithmetic has
    one thread.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    quiet = {
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ADAPTLAB_UNATTENDED": "1",
    }
    # Without a network pip would try for long.
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
    """Where the interpreter's own shared library lies, if it has one: the system's list of
    libraries, by which it may be found outside, is in no box.
    """
    name = sysconfig.get_config_var("INSTSONAME") or ""
    for folder in (f"{sys.base_prefix}/lib", sysconfig.get_config_var("LIBDIR")):
        # Pathlib's raises where another user's folder is in the way.
        if ".so" in name and folder and os.path.exists(f"{folder}/{name}"):
            return {"LD_LIBRARY_PATH": str(folder)}
    return {}


def readable() -> list[Path]:
    """What a box may read besides the system's own libraries: the interpreter, its packages, and
    this package without its grading folder.
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
    """The limits that the kernel keeps for each process, by their names.

    `mapped_bytes`: addresses that an interpreter takes whose fork becomes the box. With torch for
    CUDA they are several times as many as without, and a limit below them would end it before it
    begins.
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
    """How many files may be open at a time: as many as in Jupyter, if this machine allows that."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
