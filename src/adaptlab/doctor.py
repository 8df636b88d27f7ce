"""The hardware of this machine, and the run time of each command on it."""

import platform
import time
from importlib import metadata
from pathlib import Path

from adaptlab.cores import available_cores
from adaptlab.errors import AdaptLabError

LONG_ENOUGH = 0.5  # seconds
# Percent of the processor that other programs may use before the minutes are called too long.
MAX_BUSY = 25
# Minutes on two cores of an AMD EPYC with 107 GFLOP/s in float32, of which a matrix product gives
# the speed of other machines. Running and testing were timed there; of making the models, the
# minutes are their tokens over the speed seen in training.
REFERENCE: dict = {
    "gigaflops": 107.0,
    "minutes": {
        "make run": 16.0,
        "make test": 31.0,
        "make models QUICK=1": 35.0,
        "make models": 540.0,
    },
}


def matmul_gigaflops(dtype: str, size: int = 1024, repeats: int = 8, device: str = "cpu") -> float:
    """Measure the speed of a square matrix product on a GPU or on all cores, in 10**9 operations a
    second.
    """
    import torch

    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    n_threads = torch.get_num_threads()
    torch.set_num_threads(available_cores())  # a lesson that runs next to another has fewer
    try:
        a = torch.randn(size, size).to(device, getattr(torch, dtype))
        a @ a
        wait()
        began = time.perf_counter()
        done = 0
        while done < repeats and time.perf_counter() - began < LONG_ENOUGH:
            a @ a
            done += 1
        wait()
        return 2 * size**3 * done / (time.perf_counter() - began) / 1e9
    finally:
        torch.set_num_threads(n_threads)


def against_lock(lock: Path) -> list[str]:
    """Yield a sentence for each package whose installed version differs from the lock file."""
    differing = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if not version or line.startswith("#"):
            continue
        try:
            installed = metadata.version(name.strip())
        except metadata.PackageNotFoundError:
            differing.append(f"{name} is not installed (lock: {version})")
            continue
        if installed.split("+")[0] != version.strip():
            differing.append(f"{name} is {installed} (lock: {version})")
    return differing


def report(folder: Path) -> str:
    """Return the whole report as text."""
    import psutil
    import torch

    from adaptlab.models.precision import SETTING, bfloat16_speed, number_format

    if not folder.is_dir():
        raise AdaptLabError(f"{folder} is not a folder. Name the folder of the course.")
    busy = psutil.cpu_percent(interval=0.3)  # by other programs: this one sleeps meanwhile
    float32 = matmul_gigaflops("float32")
    chosen = number_format("cuda" if torch.cuda.is_available() else "cpu")
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(folder))
    gpu = (
        f"{torch.cuda.get_device_name()},"
        f" {torch.cuda.get_device_properties(0).total_memory / 2**30:.0f} GiB"
        if torch.cuda.is_available()
        else "none seen by torch"
    )
    lines = [
        f"Python      {platform.python_version()} on {platform.system()} {platform.machine()}",
        (
            f"cores       {psutil.cpu_count(logical=False) or psutil.cpu_count()}, of which"
            f" {available_cores()} for this program"
        ),
        f"memory      {memory.available / 2**30:.1f} GiB free of {memory.total / 2**30:.1f}",
        f"disk        {disk.free / 2**30:.1f} GiB free",
        f"GPU         {gpu}",
        f"float32     {float32:.0f} GFLOP/s",
        f"bfloat16    {bfloat16_speed():.2g} times the speed of float32 in a matrix product",
        (
            f"training    in {chosen.name}, since {chosen.reason}; {SETTING}=float32 or bfloat16"
            " overrides it"
        ),
    ]
    lock = folder / "requirements.lock"
    if lock.exists():
        differing = against_lock(lock)
        found = f"{len(differing)} packages differ" if differing else "every version as locked"
        lines.append(f"lock        {found}")
        lines += [f"            {line}" for line in differing[:10]]
    lines.append(
        "expect      about "
        + ", ".join(
            f"`{name}` {minutes * REFERENCE['gigaflops'] / float32:.0f} min"
            for name, minutes in REFERENCE["minutes"].items()
        )
    )
    if busy > MAX_BUSY:
        lines.append(
            f"            (these minutes are too high: other programs used {busy:.0f}% of the"
            " processor during the measurement)"
        )
    return "\n".join(lines)
