"""Report benchmarks: ratios over rounds, and a file of results with the machine of the
measurement.
"""

import datetime
import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

from adaptlab.files import write_whole

RESULTS = Path(__file__).parent / "results"


def spread(name: str, ratios: Sequence[float]) -> dict[str, float]:
    """Return the median under `name`, the minimum and the maximum."""
    return {
        name: round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "most": round(max(ratios), 2),
    }


def keep(name: str, report: dict | list[dict]) -> None:
    """Print a benchmark's report and write it to results/`name`.json, from which
    benchmarks/README.md is made.
    """
    kept = {
        "benchmark": name,
        "date": datetime.date.today().isoformat(),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "results": report,
    }
    text = json.dumps(kept, indent=1)
    print(text)
    write_whole(RESULTS / f"{name}.json", text + "\n")


def _processor() -> str:
    """Return the processor's name as the system gives it, and its widest SIMD instructions."""
    import torch

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.processor() or platform.machine()},"
        f" {torch.backends.cpu.get_cpu_capability()}"
    )
