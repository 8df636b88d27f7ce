"""The level "process": not a sandbox, for a student's own notebook on a machine without one
(macOS).

The notebook runs in a process with limits and its own folder. It can access everything that its
user can, so this level is never used for other people's notebooks.
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
    "This machine has no sandbox, so your notebook runs in a process with limits. It can access"
    " your"
    " files and the network, which the grader's sandbox blocks. Code that needs them passes here"
    " and"
    " fails there."
)


def missing() -> str:
    """Return why this level is not available here; "" if it is."""
    windows = platform.system() == "Windows"
    return "Windows cannot monitor a process as this level needs; use WSL2" if windows else ""


@dataclass
class Bare(RunningProcess):
    """A process in its own session, and its working folder."""

    home: Path

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.into.close()
        self.out.close()
        shutil.rmtree(self.home, ignore_errors=True)


def begin(folder: Path, limits: Limits) -> Bare:
    """Start a process that serves like a sandbox."""
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
