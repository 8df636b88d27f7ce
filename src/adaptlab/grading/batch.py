"""Grading a batch: submissions go to processes of this machine and come back into one ledger."""

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import distributions
from multiprocessing import get_context
from pathlib import Path

from adaptlab.course.labs import solved
from adaptlab.errors import AdaptLabError
from adaptlab.grading.box import prepared
from adaptlab.grading.grade import Graded, Mark, digest_of, grade
from adaptlab.grading.intake import Submission
from adaptlab.grading.marks import Ledger
from adaptlab.grading.notebook import Lab, read_lab
from adaptlab.grading.walls import DEFAULT, Limits, level
from adaptlab.grading.warm import warm_up

OTHERS = re.compile(r"lab\d\d")  # what belongs to another lab than the one at hand
WHOLE = Limits(step_seconds=300, total_seconds=900)  # an experiment may train a model


def read_lab_named(folder: Path, name: str) -> tuple[Lab, str]:
    """A lab of the course by the start of its name ("04", "lab04"), and the hash of its file."""
    start = name if name.startswith("lab") else f"lab{name.zfill(2)}"
    found = sorted(folder.glob(f"labs/{start}*.ipynb"))
    if len(found) != 1:
        there = ", ".join(path.stem for path in sorted(folder.glob("labs/lab*.ipynb"))) or "none"
        raise AdaptLabError(f"There is no single lab {start} in {folder / 'labs'} (there: {there}); run: adaptlab labs build")
    content = found[0].read_bytes()
    return read_lab(content, found[0].stem), digest_of(content)


def grader_of(lab: Lab, content: str) -> str:
    """A name for what decides the marks of a lab: the grading code that it uses, the lab's own hash, and the versions of all that is installed."""
    digest, here = hashlib.sha256(content.encode()), Path(__file__).parent
    for path in sorted(path.relative_to(here) for path in here.rglob("*.py")):
        if not OTHERS.search(path.as_posix().replace(lab.name[:5], "")):
            digest.update(path.as_posix().encode() + (here / path).read_bytes())
    for line in sorted(f"{found.name}=={found.version}" for found in distributions()):
        digest.update(line.encode())
    return digest.hexdigest()[:16]


def run_whole(lab: Lab, content: bytes) -> Graded:
    """Restart and run all, in the grader's own box: everything in a notebook, its experiment, too, and then the checks."""
    with prepared() as harness:
        return grade(lab, Submission("you", content, "", ""), harness, level(), secrets.randbits(62), WHOLE, experiments=True)


def measured_by_solution(lab: Lab, folder: Path) -> str:
    """What the lab's experiment gives with the answers of its source; nothing if the sources are not there."""
    source = folder / "solutions" / f"{lab.name}.py"
    if not source.exists():
        return ""
    return run_whole(lab, solved(source, folder / "labs" / f"{lab.name}.ipynb")).measured


@dataclass(frozen=True)
class Task:
    """All that grading one submission needs, as data for another process."""

    lab: Lab
    submission: Submission
    harness: Path
    level: str
    secret: int
    limits: Limits

    def __call__(self) -> Graded:
        return grade(self.lab, self.submission, self.harness, self.level, self.secret, self.limits)

    def failed(self, status: str, sentence: str) -> Graded:
        """What is kept where there is no grading: no points, and no zeros."""
        marks = [Mark(name, status, None, points, sentence) for name, points in (self.lab.points | self.lab.by_hand).items()]
        return Graded(self.submission.student, self.lab.name, digest_of(self.submission.content), self.level, marks)


def grade_all(submissions: Sequence[Submission], lab: Lab, grader: str, ledger: Ledger, workers: int = 2, limits: Limits = DEFAULT) -> int:
    """Grade what is not graded yet; returns how many were. Interrupted, the same call goes on: each submission is in the ledger whole or not at all."""
    from tqdm import tqdm

    done, secret, box_level = ledger.finished(lab.name, grader), ledger.secret(lab.name, grader), level()
    todo = [one for one in submissions if (one.student, digest_of(one.content)) not in done]
    with prepared(warm=False) as harness, tqdm(total=len(submissions), initial=len(submissions) - len(todo), unit="submission", desc=lab.name) as bar:
        for task, graded in _results([Task(lab, one, harness, box_level, secret, limits) for one in todo], workers):
            ledger.keep(task.submission, graded, grader)
            bar.update()
    return len(todo)


def _results(tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, Graded]]:
    """Tasks with their gradings, as they are finished.

    A worker that dies takes its pool with it. What was under way is then done one by one: what ends a worker alone is left to a person.
    """
    waiting, suspects = list(tasks), []
    while waiting or suspects:
        width, source = (2 * workers, waiting) if waiting else (1, suspects)
        with ProcessPoolExecutor(workers, get_context("spawn"), warm_up, (tasks[0].harness,)) as pool:
            under_way: dict[Future, Task] = {}
            while source or under_way:
                while source and len(under_way) < width:
                    task = source.pop(0)
                    under_way[pool.submit(task)] = task
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    task = under_way.pop(future)
                    try:
                        yield task, future.result()
                    except BrokenProcessPool:
                        if source is suspects:
                            yield task, task.failed("needs a person", "The grader itself ended with this notebook; a person looks at it.")
                        else:
                            suspects += [task, *under_way.values()]
                        under_way = {}
                        break
                    except AdaptLabError:
                        raise
                    except Exception as error:
                        yield task, task.failed("grader error", f"The grader failed ({type(error).__name__}: {error}); this is not your fault.")
                else:
                    continue
                break
