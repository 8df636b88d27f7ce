"""The level "process": no box, for a person's own notebook on a machine that has none (macOS).

The notebook runs in a process with limits and a folder of its own. It reaches all that the person
reaches, so it is never a level for strangers' notebooks.
"""

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptlab.grading.sandbox.limits import PREFIX, Limits, environment
from adaptlab.grading.sandbox.running import RunningProcess

LEFT_OUT = (
    "This machine has no box, so your notebook runs in a process with limits: it reaches your files"
    " and the network, which the grader's box does not. What needs them passes here and fails"
    " there."
)


def missing() -> str:
    """Why there is no such process here; empty if there is."""
    windows = platform.system() == "Windows"
    return "Windows cannot watch a process as this needs; use WSL2" if windows else ""


@dataclass
class Bare(RunningProcess):
    """A process in a session of its own, and the folder that it works in."""

    home: Path

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.into.close()
        self.out.close()
        shutil.rmtree(self.home, ignore_errors=True)


def begin(folder: Path, limits: Limits) -> Bare:
    """Begin a process that serves as a box does."""
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    (home / "tmp").mkdir()
    words = [sys.executable, "-P", str(folder / "server.py")]
    process: Any = subprocess.Popen(
        words,
        cwd=home,
        env=environment(str(home), str(home / "tmp")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return Bare(process.stdin, process.stdout, process, home)
