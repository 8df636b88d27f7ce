"""Threads: a process's share of the cores, and never more than was asked for."""

import os
import subprocess
import sys

import pytest

from adaptlab import cores
from adaptlab.cores import available_cores, threads_of_each


@pytest.mark.parametrize(
    "asked, n_cores, n_processes, threads",
    [
        ("", 2, 2, 1),
        ("", 8, 2, 4),
        ("", 1, 2, 1),
        ("16", 2, 2, 1),
        ("16", 2, 1, 2),
        ("1", 8, 2, 1),
        ("3", 8, 2, 3),
        ("0", 8, 2, 4),
        ("4,2", 8, 2, 4),
    ],
)
def test_a_process_has_its_share_and_no_more_than_was_asked_for(
    monkeypatch, asked, n_cores, n_processes, threads
):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.setattr(cores, "available_cores", lambda: n_cores)
    assert threads_of_each(n_processes) == threads


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="a process cannot be held to some cores here"
)
def test_cores_that_a_process_may_not_use_are_not_counted():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from adaptlab.cores"
        " import available_cores; print(available_cores())"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        == "1"
        and available_cores() >= 1
    )
