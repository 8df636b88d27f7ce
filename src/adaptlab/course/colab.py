"""Before a lesson in Colab: session restarts, hardware, the lesson's resources, and storage for
trained models.
"""

import sys
from importlib import metadata
from pathlib import Path

CHECKED = ("numpy", "pyarrow", "transformers", "huggingface_hub", "pandas", "torch")
DRIVE = Path("/content/drive/MyDrive")


def stale_packages() -> list[str]:
    """Return packages that were imported before an installation replaced their files."""
    stale = []
    for name in CHECKED:
        loaded = getattr(sys.modules.get(name), "__version__", None)
        # A build's own mark (torch 2.13.0+cu130) may be missing in the package's version.
        if loaded and loaded.partition("+")[0] != metadata.version(name).partition("+")[0]:
            stale.append(name)
    return stale


def prepare_session(lesson: str = "", profile: str = "cpu", drive: Path = DRIVE) -> str:
    """Print the session's resources, and those that the lesson needs, if one is named.

    Returns the folder in which fine-tuned models are kept, on Google Drive if it is mounted, or "".

    Raises:
        RuntimeError: if the session must be restarted first.
    """
    if stale := stale_packages():
        raise RuntimeError(
            f"New versions of {', '.join(stale)} were installed: choose Runtime > Restart session,"
            " then run this cell again."
        )
    kept_in = str(drive / "adaptlab") if drive.is_dir() else ""
    print("\n".join(preflight(lesson, profile, kept_in)))
    return kept_in


def preflight(lesson: str, profile: str, kept_in: str = "") -> list[str]:
    """Return sentences on this machine and this lesson: GPU, memory, disk; predicted minutes and
    memory; advice.
    """
    import psutil
    import torch

    from adaptlab.course.lesson_usage import expected
    from adaptlab.doctor import matmul_gigaflops

    has_gpu = torch.cuda.is_available()
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(".")
    gpu = (
        f"{torch.cuda.get_device_name()}, {torch.cuda.mem_get_info()[0] / 2**30:.1f} GiB free"
        if has_gpu
        else "none"
    )
    lines = [
        f"GPU: {gpu}. Memory: {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB"
        f" free. Disk: {disk.free / 2**30:.1f} GiB free."
    ]
    if lesson and profile == "cpu":
        will = expected(lesson, matmul_gigaflops("float32"))
        lines.append(
            f"{lesson} with the embedded models: about {max(1, round(will.minutes))} min on this"
            f" processor, {will.peak_mib / 1024:.1f} GiB at its peak."
        )
        if has_gpu:
            lines.append(
                'A GPU is available: profile = "gpu" runs the same lesson with models from the hub.'
            )
        if memory.available < will.peak_mib * 2**20:
            lines.append(
                "That is more memory than is free. Close other notebooks, or choose Runtime"
                " > Disconnect and delete runtime and start again."
            )
    elif profile == "gpu" and not has_gpu:
        lines.append(
            'profile = "gpu" needs a GPU, but this session has none. Choose Runtime > Change'
            ' runtime type > T4 GPU, or set profile = "cpu".'
        )
    lines.append(
        f"Trained models are kept in {kept_in} and loaded from there the next time."
        if kept_in
        else (
            "Trained models are lost when the session ends. Mount Google Drive and run this cell"
            " again to keep them."
        )
    )
    return lines
