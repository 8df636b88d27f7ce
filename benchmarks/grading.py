"""Submissions per minute of this grader, each in its own sandbox, compared with `nbgrader
autograde` and `otter run`, which have no sandbox, in alternation.

All grade copies of one solved lab that imports torch, without its experiment. Our checks call each
answer about twenty times; the others have one assert for each exercise. Then: seconds per
submission for growing numbers of submissions, and the memory of the grader's own process.

Run: make bench
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from results_file import keep, spread

LAB = "lab04_lora"
ROUNDS = 3
GROWTH = (50, 100, 200)
# The times include the start of each program. Otter is too slow for as many as the others.
N = {"ours": 20, "ours, one at a time": 20, "nbgrader": 20, "otter": 4}
ROOT = Path(__file__).parents[1]
PEERS = ROOT / "build" / "grading-peers"
ASSERTS = {
    "adapter_output": (
        "assert adapter_output(torch.ones(2, 3), torch.ones(4, 3), torch.ones(1, 3), torch.ones(4,"
        " 1), 2.0).tolist() == [[9.0] * 4] * 2"
    ),
    "count_adapters": (
        "assert count_adapters(dict(hidden_size=8, intermediate_size=16, num_attention_heads=2,"
        " num_key_value_heads=1, head_dim=4, num_hidden_layers=3), 2, ['q_proj', 'up_proj']) == 240"
    ),
    "LoRAEmbedding": (
        "assert LoRAEmbedding(nn.Embedding(5, 4), 2, 4.0)(torch.tensor([1, 2])).shape == (2, 4)"
    ),
    "merge_adapters": (
        "assert merge_adapters(torch.zeros(2, 2), [dict(a=torch.ones(1, 2), b=torch.ones(2, 1),"
        " alpha=3.0)], [0.5]).tolist() == [[1.5] * 2] * 2"
    ),
    "same_strength": "assert same_strength(16, 8, 32, True) == 32",
    "shipping_order": "assert shipping_order() == 'BDFGEAHC'",
    "shrink": (
        "assert [part.shape for part in shrink(torch.randn(4, 6), torch.randn(5, 4), 8.0, 2)] =="
        " [(2, 6), (5, 2)]"
    ),
}


def solved_cells() -> list[dict]:
    """Return the cells of the solved lab without its experiment, which no grader needs."""
    from adaptlab.course.labs import solved

    notebook = json.loads(solved(ROOT / "solutions" / f"{LAB}.py", ROOT / "labs" / f"{LAB}.ipynb"))
    names = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
    return notebook["cells"][: names.index("prediction") + 1]


def with_asserts(cells: list[dict]) -> list[dict]:
    """Return the same cells, with an assert instead of each of our checks."""
    names = [cell["metadata"].get("nbgrader", {}).get("grade_id", "") for cell in cells]
    return [
        (
            cell | {"source": ASSERTS[name.removeprefix("check_")]}
            if name.startswith("check_")
            else cell
        )
        for cell, name in zip(cells, names)
    ]


def write_notebook(path: Path, cells: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells})
    )


class Ours:
    """`adaptlab grade`, with a given number of parallel submissions, from the start of the command
    to the feedback pages.
    """

    def __init__(self, place: Path, cells: list[dict], workers: int = 2):
        self.place = place
        self.cells = cells
        self.workers = workers

    def prepare(self, n: int) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        for i in range(n):
            write_notebook(self.place / "submissions" / f"student{i}" / f"{LAB}.ipynb", self.cells)

    def grade(self) -> None:
        self.begun().wait()

    def begun(self) -> subprocess.Popen:
        """Start the grader's process."""
        return subprocess.Popen(
            [sys.executable, __file__, self.place, str(self.workers)], stderr=subprocess.DEVNULL
        )

    def passed(self) -> int:
        from adaptlab.grading.records.marks import Ledger

        return sum(
            all(mark.points == mark.of for mark in sheet.marks if mark.exercise in ASSERTS)
            for sheet in Ledger(self.place / "marks.db").sheets(LAB)
        )


class Nbgrader:
    """`nbgrader autograde` for the whole course; it grades the submissions one after another."""

    def __init__(self, place: Path, cells: list[dict]):
        self.place = place
        self.cells = with_asserts(cells)

    def prepare(self, n: int) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        write_notebook(self.place / "source" / LAB / f"{LAB}.ipynb", self.cells)
        self._run("generate_assignment", "--create")
        for i in range(n):
            write_notebook(
                self.place / "submitted" / f"student{i}" / LAB / f"{LAB}.ipynb", self.cells
            )

    def grade(self) -> None:
        self._run("autograde")

    def _run(self, what: str, *more: str) -> None:
        command = [sys.executable, "-m", "nbgrader", what, LAB, *more, "--course-dir", self.place]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, cwd=self.place, capture_output=True, text=True, env=os.environ | {"PATH": path}
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])

    def passed(self) -> int:
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.place}/gradebook.db") as gradebook:
            return sum(
                submission.score == submission.max_score
                for submission in gradebook.assignment_submissions(LAB)
            )


class Otter:
    """`otter run` for each submission, one after another, as inside its own containers."""

    def __init__(self, place: Path, cells: list[dict]):
        self.place = place
        self.cells = [
            cell for cell in with_asserts(cells) if cell["source"] not in ASSERTS.values()
        ]
        self.n = 0

    def prepare(self, n: int) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.n = n
        for name, source in ASSERTS.items():
            case = {"code": f">>> {source}", "hidden": False, "locked": False}
            test = {
                "name": name,
                "points": 1,
                "suites": [
                    {
                        "cases": [case],
                        "scored": True,
                        "setup": "",
                        "teardown": "",
                        "type": "doctest",
                    }
                ],
            }
            (self.place / "tests").mkdir(parents=True, exist_ok=True)
            (self.place / "tests" / f"{name}.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n")
        self._run(
            "generate",
            "-t",
            "tests",
            "-o",
            "autograder.zip",
            "--no-config",
            "--no-requirements",
            "--no-environment",
        )
        for i in range(n):
            write_notebook(self.place / f"student{i}.ipynb", self.cells)

    def grade(self) -> None:
        for i in range(self.n):
            (self.place / f"results{i}").mkdir()
            self._run(
                "run", "-a", "autograder.zip", "-o", f"results{i}", "--no-logo", f"student{i}.ipynb"
            )

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "otter", *words],
            cwd=self.place,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(PEERS)},
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])

    def passed(self) -> int:
        results = [
            json.loads((self.place / f"results{i}" / "results.json").read_text())
            for i in range(self.n)
        ]
        return sum(
            sum(test.get("score", 0) for test in result["tests"]) == len(ASSERTS)
            for result in results
        )


def rate(grader, n: int) -> float:
    """Return submissions per minute; all of them must get the correct marks."""
    grader.prepare(n)
    began = time.perf_counter()
    grader.grade()
    taken = time.perf_counter() - began
    if grader.passed() != n:
        raise RuntimeError(
            f"{type(grader).__name__}: only {grader.passed()} of {n} solved notebooks got full"
            " marks"
        )
    return 60 * n / taken


def growth(place: Path) -> dict:
    """Return seconds per submission and the peak memory of the grader's own process, for growing
    numbers of submissions of a lab's light exercises.
    """
    cells = [
        cell
        for cell in solved_cells()
        if cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        in ("same_strength", "shipping_order", "count_adapters")
    ]
    report = {}
    for n in GROWTH:
        grader = Ours(place, cells)
        grader.prepare(n)
        began = time.perf_counter()
        process = grader.begun()
        peak = _peak_memory(process)
        _ = process.wait()
        report[n] = {
            "seconds a submission": round((time.perf_counter() - began) / n, 3),
            "MB of the grader's own process": round(peak / 1e6, 1),
        }
    return report


def _peak_memory(process: subprocess.Popen) -> int:
    """Return the largest resident memory of a process until it ends, in bytes, sampled ten times a
    second.
    """
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    return peak


def main() -> None:
    cells = solved_cells()
    report = {"rounds": ROUNDS, "submissions": N}
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        place = Path(folder)
        graders = {
            "ours": Ours(place / "ours", cells),
            "ours, one at a time": Ours(place / "one", cells, workers=1),
            "nbgrader": Nbgrader(place / "nbgrader", cells),
            "otter": Otter(place / "otter", cells),
        }
        rounds = [
            {
                name: rate(graders[name], N[name])
                for name in (list(graders) if i % 2 else reversed(graders))
            }
            for i in range(ROUNDS)
        ]
        report["submissions a minute"] = {
            name: round(statistics.median(r[name] for r in rounds), 1) for name in graders
        }
        for peer in ("nbgrader", "otter"):
            for name in ("ours", "ours, one at a time"):
                report[f"{name} over {peer}"] = spread(
                    "times the rate", [r[name] / r[peer] for r in rounds]
                )
        report["growth"] = growth(place / "growth")
    keep("grading", report)


def grade(place: Path, workers: int) -> None:
    """Do the work of `adaptlab grade`, except for the lab's experiment, which it runs once for a
    class.
    """
    from adaptlab.grading.batch import grade_all, grader_of, read_lab_named
    from adaptlab.grading.records.feedback import write_feedback
    from adaptlab.grading.records.marks import Ledger
    from adaptlab.grading.submissions.find import find_submissions
    from adaptlab.grading.worker_pool import processes

    lab, digest = read_lab_named(ROOT, LAB)
    ledger = Ledger(place / "marks.db")
    grade_all(
        find_submissions(place / "submissions", lab.name),
        lab,
        grader_of(lab, digest),
        ledger,
        processes(workers),
    )
    write_feedback(ledger.sheets(lab.name), place / "feedback")


if __name__ == "__main__":
    grade(Path(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 1 else main()
