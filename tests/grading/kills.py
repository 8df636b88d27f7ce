"""Kills a grader, and the boxes of one, at random moments, for the test and the benchmark of what
that does to the marks: nothing.
"""

import contextlib
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psutil

from adaptlab.grading.notebook import Lab
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.submissions.submission import Submission


def rows(path: Path, lab: Lab) -> list:
    """What a ledger says of everybody, without times."""
    return [
        (
            sheet.student,
            sheet.points,
            [(mark.exercise, mark.status, mark.misconception) for mark in sheet.marks],
        )
        for sheet in Ledger(path).sheets(lab.name)
    ]


def killed_and_whole(
    folder: Path, submissions: Sequence[Submission], lab: Lab, n_kills: int, seed: int = 0
) -> tuple[list, list, Counter]:
    """The marks after so many kills and a run that ends, those of a run that nobody disturbs, and
    how often what was killed.

    By turns the grader is killed with its workers and begun again, and a process in one of its
    boxes. A run that came to its end is followed by another grader's, which grades all anew.
    """
    given = folder / "given"
    killed = folder / "killed.db"
    whole = folder / "whole.db"
    rng = random.Random(seed)
    given.write_bytes(pickle.dumps((submissions, lab)))
    assert _grading(given, whole, 0).wait() == 0
    grader = 0
    counts = Counter()
    process = _grading(given, killed, grader)
    while counts.total() < n_kills:
        if rng.random() < 0.3:
            time.sleep(rng.uniform(0.3, 3))
        else:
            _wait_for_a_box(process)
            time.sleep(rng.uniform(0, 0.3))
        counts[_kill(process, counts.total() % 2 == 1, rng)] += 1
        if process.poll() is not None:
            grader += process.returncode == 0
            process = _grading(given, killed, grader)
    process.wait()
    assert _grading(given, killed, grader).wait() == 0
    return rows(killed, lab), rows(whole, lab), counts


def _kill(process: subprocess.Popen, box: bool, rng: random.Random) -> str:
    """Kill a process of a box, if one is wanted and there, or else the grader; says which."""
    if box and (inside := _wait_for_a_box(process)):
        with contextlib.suppress(psutil.NoSuchProcess):
            rng.choice(inside).kill()
        return "box"
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return "grader"


def _wait_for_a_box(process: subprocess.Popen) -> list[psutil.Process]:
    """The processes in the boxes of a grader, as soon as there are any; none if it ends before."""
    while process.poll() is None:
        if inside := [one for one in _below(process) if _in_a_box(one.pid)]:
            return inside
        time.sleep(0.005)
    return []


def _below(process: subprocess.Popen) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def _in_a_box(pid: int) -> bool:
    """Whether a process has a namespace of processes that is not ours."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid")
    except OSError:
        return False


def _grading(given: Path, ledger: Path, grader: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, __file__, given, ledger, f"grader {grader}"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


if __name__ == "__main__":
    from adaptlab.grading.batch import grade_all

    grade_all(*pickle.loads(Path(sys.argv[1]).read_bytes()), sys.argv[3], Ledger(Path(sys.argv[2])))
