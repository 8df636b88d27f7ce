"""The resources of lessons: each leaves its peak memory in its closing cell, and the runner adds
the seconds.

Together they predict the resources on other machines.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptlab.cores import available_cores
from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json, reading, write_whole
from adaptlab.models.precision import NumberFormat
from adaptlab.studies.recorded import recorded

MIB = 2**20


def peaks() -> dict:
    """Return the peaks of this process: `device`, `peak_mib` of the machine's memory,
    `gpu_peak_mib` of a GPU's.
    """
    torch: Any = sys.modules.get("torch")
    has_gpu = torch is not None and torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if has_gpu else "processor",
        "peak_mib": round(_peak_bytes() / MIB),
        "gpu_peak_mib": round(torch.cuda.max_memory_allocated() / MIB) if has_gpu else 0,
    }


def _peak_bytes() -> int:
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    # MacOS counts bytes, Linux KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def machine() -> dict:
    """Return the reference for times: the available cores and the speed of a matrix product on
    them.
    """
    from adaptlab.doctor import matmul_gigaflops

    return {"cores": available_cores(), "gigaflops": round(matmul_gigaflops("float32"))}


@dataclass(frozen=True)
class Expected:
    """The expected resources of a lesson on a machine: minutes, and MiB of memory at its peak."""

    minutes: float
    peak_mib: int


def expected(lesson: str, gigaflops: float) -> Expected:
    """Return the expected resources of a lesson with the embedded models on a processor of this
    speed, from the recorded run.

    Raises:
        AdaptLabError: if there is no such lesson.
    """
    if not gigaflops > 0:
        raise AdaptLabError(f"The speed is {gigaflops!r}. Give GFLOP/s of more than 0.")
    kept = recorded("usage")
    for row in kept["rows"]:
        if row["lesson"] == lesson:
            return Expected(row["seconds"] / 60 * kept["gigaflops"] / gigaflops, row["peak_mib"])
    raise AdaptLabError(
        f"There is no lesson {lesson!r} in the recorded run; the lessons are"
        f" {', '.join(row['lesson'] for row in kept['rows'])}."
    )


def usual_seconds(lesson: str) -> float:
    """What a lesson took in the recorded run; nothing for one that is not in it."""
    return sum(row["seconds"] for row in recorded("usage")["rows"] if row["lesson"] == lesson)


def shown(kept: dict) -> tuple[tuple[str, ...], list[tuple]]:
    """Return the lessons of one recorded run and their resources, as a heading and rows."""
    head = ("lesson", "device", "minutes", "peak MiB", "peak MiB of the GPU")
    return head, [
        (
            row["lesson"],
            row["device"],
            round(row["seconds"] / 60, 1),
            row["peak_mib"],
            row["gpu_peak_mib"],
        )
        for row in kept["rows"]
    ]


def trained_in(kept: dict) -> str:
    """Return the number format of a recorded run and the reason, as the end of a sentence on its
    machine.
    """
    return f"trained in {kept['dtype']}, since {kept['dtype_reason']}"


def read_usage(path: Path) -> dict:
    """Read the resources of a run, written by `write_usage`."""
    kept = read_json(path)
    with reading(path, "Run the lessons again."):
        shown(kept), trained_in(kept), [kept[name] for name in ("command", "cores", "gigaflops")]
    return kept


def write_usage(build: Path, rows: list[dict], command: str, chosen: NumberFormat) -> None:
    """Write `build`/usage.json: the run's rows with the machine and its number format, as a
    recorded result.
    """
    kept = (
        {"command": command}
        | machine()
        | {"dtype": chosen.name, "dtype_reason": chosen.reason}
        | {"rows": rows}
    )
    write_whole(build / "usage.json", json.dumps(kept, indent=1) + "\n")
