"""Grading a batch: submissions go to processes of this machine, or to those of a cluster, and come
back into one ledger.
"""

import atexit
import hashlib
import re
import secrets
import sysconfig
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.metadata import distributions
from pathlib import Path
from socket import gethostname
from threading import Lock

from adaptlab.course.labs import labs_of, solved
from adaptlab.errors import AdaptLabError
from adaptlab.grading.exercises import files_of
from adaptlab.grading.grade import Graded, GradingRun, Mark, grade
from adaptlab.grading.notebook import Lab, read_lab
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.sandbox.box import prepared
from adaptlab.grading.sandbox.levels import level
from adaptlab.grading.sandbox.limited_fork import apart
from adaptlab.grading.sandbox.limits import DEFAULT, Limits
from adaptlab.grading.submissions.submission import Submission, digest_of
from adaptlab.grading.worker_pool import WorkerPool, processes
from adaptlab.progress import progress_bar

PAIR = processes(2)
LIBRARY_SECONDS = 600
LIBRARY_BYTES = 2**40  # of addresses, of which few are used
OTHERS = re.compile(r"lab\d\d")  # what belongs to another lab than the one at hand
# What outside of this folder decides which files of students are taken, and what they do.
READERS = ("lora/adapter.py", "lora/adapter_file.py")
# An experiment may train a model.
WHOLE = Limits(step_seconds=300, total_seconds=900, whole_seconds=3600)
OWN = ExitStack()
ALONE = Lock()  # of a process that grades: the harness that it keeps for a batch, and its turn
atexit.register(OWN.close)


def read_lab_named(folder: Path, name: str) -> tuple[Lab, str]:
    """A lab of the course by the start of its name ("04", "lab04"), and the hash of its file."""
    start = name if name.startswith("lab") else f"lab{name.zfill(2)}"
    labs = labs_of(folder)
    found = [path for path in labs if path.stem.startswith(start)]
    if not labs:
        says = f"There are no labs in {folder / 'labs'}"
        raise AdaptLabError(
            f"{says}. Run this in the folder of the course, or name it by --folder."
        )
    if len(found) != 1:
        there = ", ".join(path.stem for path in labs)
        raise AdaptLabError(
            f"There is no single lab {start} in {folder / 'labs'} (there: {there}); run: adaptlab"
            " labs build"
        )
    content = found[0].read_bytes()
    return read_lab(content, found[0].stem), digest_of(content)


@cache
def code_of(lab: str) -> str:
    """A name for the grading code that a lab uses, and the versions of all that is installed."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in sorted(path.relative_to(here) for path in here.rglob("*.py")):
        if not OTHERS.search(path.as_posix().replace(lab[:5], "")):
            digest.update(path.as_posix().encode() + (here / path).read_bytes())
    for name in READERS:
        digest.update(name.encode() + (here.parent / name).read_bytes())
    # Not by sys.path: whoever imports setuptools puts its own copies of packages on that.
    places = sorted({sysconfig.get_path(kind) for kind in ("purelib", "platlib")})
    for line in sorted({f"{found.name}=={found.version}" for found in distributions(path=places)}):
        digest.update(line.encode())
    return digest.hexdigest()


def files_asked_for(lab: str) -> dict[str, int]:
    """The files that a lab asks for beside its notebook. Looked up in a fork: what checks import,
    as torch, would stay in the memory of this process, which judges nothing."""

    def work() -> dict:
        try:
            return {"files": files_of(lab)}
        except AdaptLabError as error:
            return {"says": str(error)}

    said = apart(work, LIBRARY_SECONDS, LIBRARY_BYTES)
    if "says" in said:
        raise AdaptLabError(said["says"])
    return said["files"]


def grader_of(lab: Lab, content: str) -> str:
    """A name for what decides the marks of a lab: the lab's own hash, and all that grades it."""
    return digest_of((content + code_of(lab.name)).encode())[:16]


def run_whole(lab: Lab, submission: Submission, box_level: str) -> Graded:
    """Restart and run all, at this level: everything in a notebook, its experiment, too, and then
    the checks.
    """
    with prepared() as harness:
        run = GradingRun(lab, harness, box_level, secrets.randbits(62), WHOLE, experiments=True)
        return grade(run, submission)


def measured_by_solution(lab: Lab, folder: Path, worker_pool: WorkerPool, box: str = "") -> str:
    """What the lab's experiment gives with the answers of its source; nothing if the sources are
    not there.
    """
    source = folder / "solutions" / f"{lab.name}.py"
    if not source.exists():
        return ""
    try:
        with worker_pool.pool() as pool:
            whole = Submission(
                "solution", solved(source, folder / "labs" / f"{lab.name}.ipynb"), "", ""
            )
            return pool.submit(run_whole, lab, whole, level(box)).result().measured
    except (CancelledError, worker_pool.died) as error:
        raise AdaptLabError(
            "The lab's experiment was lost with its worker; the marks are kept, and the same"
            " command goes on."
        ) from error


@lru_cache(maxsize=1)
def _own_box(batch: str, lab: str, code: str, box: str) -> tuple[Path, str]:
    """The harness of this process for a batch, and the level of its box, `box` being what was asked
    for; an AdaptLabError where it must not grade.
    """
    try:
        if code_of(lab) != code:
            raise AdaptLabError(
                "Grading code or packages are not those with which the batch was begun; install the"
                " same there, and start it anew."
            )
        box_level = level(box)
    except AdaptLabError as error:
        raise AdaptLabError(f"{gethostname()} does not grade: {error}") from error
    OWN.close()
    return OWN.enter_context(prepared()), box_level


@dataclass(frozen=True)
class Task:
    """All that grading one submission needs, as data for another process, on whatever machine."""

    lab: Lab
    submission: Submission
    limits: Limits
    batch: str
    code: str
    box: str  # the level that was asked for
    secret: int = field(repr=False)  # where workers keep a log, it says what a task was

    def graded(self) -> Graded:
        """Grade it in a box of the process that was asked. One at a time: a worker of a cluster may
        have threads.
        """
        with ALONE:
            harness, box_level = _own_box(self.batch, self.lab.name, self.code, self.box)
            run = GradingRun(self.lab, harness, box_level, self.secret, self.limits)
            return grade(run, self.submission)

    def failed(self, status: str, sentence: str) -> Graded:
        """What is kept where there is no grading: no points, and no zeros."""
        marks = [
            Mark(name, status, None, points, sentence)
            for name, points in (self.lab.points | self.lab.by_hand).items()
        ]
        return Graded(self.submission.student, self.lab.name, self.submission.digest, "none", marks)


def grade_all(
    submissions: Sequence[Submission],
    lab: Lab,
    grader: str,
    ledger: Ledger,
    worker_pool: WorkerPool = PAIR,
    limits: Limits = DEFAULT,
    box: str = "",
) -> int:
    """Grade what is not graded yet; returns how many were. Interrupted, the same call goes on: each
    submission is in the ledger whole or not at all.

    `box`: the level that every box must have, whoever grades; without one, each takes the first
    that it has.
    """
    done = ledger.finished(lab.name, grader)
    secret = ledger.secret(lab.name, grader)
    batch = secrets.token_hex(8)
    todo = [one for one in submissions if (one.student, one.digest) not in done]
    tasks = [Task(lab, one, limits, batch, code_of(lab.name), box, secret) for one in todo]
    with progress_bar(
        total=len(submissions),
        initial=len(submissions) - len(todo),
        unit="submission",
        desc=lab.name,
    ) as bar:
        for task, graded in _results(tasks, worker_pool):
            ledger.keep(task.submission, graded, grader)
            bar.update()
    return len(todo)


def _results(tasks: Sequence[Task], worker_pool: WorkerPool) -> Iterator[tuple[Task, Graded]]:
    """Tasks with their gradings, as they are finished.

    A worker that dies may take with it what others have under way. That is then done one by one:
    what ends a worker alone is left to a person.
    """
    waiting = list(tasks)
    suspects: list[Task] = []
    while waiting or suspects:
        alone = not waiting
        with closing(
            _round(
                suspects if alone else waiting, 1 if alone else 2 * worker_pool.workers, worker_pool
            )
        ) as ended:
            for task, future in ended:
                if _died(future, worker_pool) and not alone:
                    suspects.append(task)
                else:
                    yield task, _outcome(task, future, worker_pool)


def _round(
    source: list[Task], width: int, worker_pool: WorkerPool
) -> Generator[tuple[Task, Future]]:
    """Take tasks from a list, so many at a time, and give them back as they end. After a death
    nothing more is taken.
    """
    under_way: dict[Future, Task] = {}
    whole = True
    with worker_pool.pool() as pool:
        while under_way or (source and whole):
            while source and whole and len(under_way) < width:
                try:
                    under_way |= {pool.submit(Task.graded, source[0]): source[0]}
                    source.pop(0)
                except worker_pool.died:  # since we last looked
                    whole = False
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                whole = whole and not _died(future, worker_pool)
                yield under_way.pop(future), future


def _died(future: Future, worker_pool: WorkerPool) -> bool:
    return not future.cancelled() and isinstance(future.exception(), worker_pool.died)


def _outcome(task: Task, future: Future, worker_pool: WorkerPool) -> Graded:
    """What became of a task; a machine that cannot grade, or a cluster that is gone, is an
    AdaptLabError.
    """
    try:
        return future.result()
    except CancelledError as error:
        raise AdaptLabError(
            "The cluster is gone; what was graded is kept. Start it again and give the same"
            " command."
        ) from error
    except AdaptLabError:
        raise
    except worker_pool.died:
        return task.failed(
            "needs a person", "The grader itself ended with this notebook; a person looks at it."
        )
    except Exception as error:
        return task.failed(
            "grader error",
            f"The grader failed ({type(error).__name__}: {error}); this is not your fault.",
        )
