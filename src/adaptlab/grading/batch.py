"""Grade a batch: workers on this machine or in a cluster grade the submissions, and one ledger
keeps the marks.
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
LIBRARY_BYTES = 2**40  # address space; little of it is used
OTHERS = re.compile(r"lab\d\d")  # code that belongs to one lab
# Modules outside this folder that read students' files, so they affect the marks.
READERS = ("lora/adapter.py", "lora/adapter_file.py")
# Higher than the defaults: an experiment may train a model.
WHOLE = Limits(step_seconds=300, total_seconds=900, whole_seconds=3600)
OWN = ExitStack()
# OWN holds the harness that a worker keeps for a batch. ALONE: a worker grades one submission at a
# time.
ALONE = Lock()
atexit.register(OWN.close)


def read_lab_named(folder: Path, name: str) -> tuple[Lab, str]:
    """Read a lab of the course by the start of its name ("04", "lab04"); also return the hash of
    its file.

    Raises:
        AdaptLabError: if the folder holds no labs, or not exactly one with this name.
    """
    start = name if name.startswith("lab") else f"lab{name.zfill(2)}"
    labs = labs_of(folder)
    found = [path for path in labs if path.stem.startswith(start)]
    if not labs:
        says = f"There are no labs in {folder / 'labs'}"
        raise AdaptLabError(
            f"{says}. Run this in the course folder, or give the course folder as --folder."
        )
    if len(found) != 1:
        there = ", ".join(path.stem for path in labs)
        raise AdaptLabError(
            f"{start} does not name exactly one lab in {folder / 'labs'} (found: {there}). Run:"
            " adaptlab labs build"
        )
    content = found[0].read_bytes()
    return read_lab(content, found[0].stem), digest_of(content)


@cache
def code_of(lab: str) -> str:
    """Return a hash of the grading code of a lab and of the versions of all installed packages."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in sorted(path.relative_to(here) for path in here.rglob("*.py")):
        if not OTHERS.search(path.as_posix().replace(lab[:5], "")):
            digest.update(path.as_posix().encode() + (here / path).read_bytes())
    for name in READERS:
        digest.update(name.encode() + (here.parent / name).read_bytes())
    # Not from sys.path: importing setuptools adds its own copies of packages to it.
    places = sorted({sysconfig.get_path(kind) for kind in ("purelib", "platlib")})
    for line in sorted({f"{found.name}=={found.version}" for found in distributions(path=places)}):
        digest.update(line.encode())
    return digest.hexdigest()


def files_asked_for(lab: str) -> dict[str, int]:
    """Return the names of the files that a lab asks for with its notebook, and their size limits in
    bytes.

    A fork looks them up. Otherwise the modules that the checks import, such as torch, would stay in
    the memory of this process, which judges nothing.
    """

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
    """Return an id for what determines the marks of a lab: the lab's own hash, and the code that
    grades it.
    """
    return digest_of((content + code_of(lab.name)).encode())[:16]


def run_whole(lab: Lab, submission: Submission, box_level: str) -> Graded:
    """Restart and run all cells of a notebook in a sandbox, including its experiment, and then its
    checks.
    """
    with prepared() as harness:
        run = GradingRun(lab, harness, box_level, secrets.randbits(62), WHOLE, experiments=True)
        return grade(run, submission)


def measured_by_solution(lab: Lab, folder: Path, worker_pool: WorkerPool, box: str = "") -> str:
    """Return what the lab's experiment measures with the reference answers; "" without the lab's
    source.

    Raises:
        AdaptLabError: if the worker that runs the experiment dies.
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
            "The worker that ran the lab's experiment died. Run the same command again to resume;"
            " the marks are kept."
        ) from error


@lru_cache(maxsize=1)
def _own_box(batch: str, lab: str, code: str, box: str) -> tuple[Path, str]:
    """Return this worker's harness for a batch, and the sandbox level; `box` is the requested
    level.

    Raises:
        AdaptLabError: if this machine must not grade: its code or packages differ, or it lacks the
            level.
    """
    try:
        if code_of(lab) != code:
            raise AdaptLabError(
                "Its grading code or packages differ from those of the process that started the"
                " batch. Install the same versions there, and start the worker again."
            )
        box_level = level(box)
    except AdaptLabError as error:
        raise AdaptLabError(f"{gethostname()} cannot grade: {error}") from error
    OWN.close()
    return OWN.enter_context(prepared()), box_level


@dataclass(frozen=True)
class Task:
    """One submission with everything that is needed to grade it, as data for a worker on any
    machine.
    """

    lab: Lab
    submission: Submission
    limits: Limits
    batch: str
    code: str
    box: str  # the requested sandbox level
    secret: int = field(repr=False)  # not in the repr, which workers may write to a log

    def graded(self) -> Graded:
        """Grade the submission in a sandbox of the calling worker. Only one runs at a time, because
        a cluster worker may have several threads.
        """
        with ALONE:
            harness, box_level = _own_box(self.batch, self.lab.name, self.code, self.box)
            run = GradingRun(self.lab, harness, box_level, self.secret, self.limits)
            return grade(run, self.submission)

    def failed(self, status: str, sentence: str) -> Graded:
        """Return the record of a submission that could not be graded: no mark for any exercise, and
        no zeros.
        """
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
    """Grade the submissions that have no marks yet; returns how many were graded.

    After an interruption, the same call resumes. The ledger holds each submission completely or not
    at all.

    `box`: the sandbox level that every worker must use. Without it, each worker takes the first
    level that it has.
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
    """Yield tasks with their results, as they finish.

    A worker that dies may take other tasks with it. Those tasks then run one by one. A task whose
    worker dies even then is left for manual grading.
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
    """Submit tasks from a list, at most `width` at a time, and yield them as they end. After a
    worker dies, no more tasks are submitted.
    """
    under_way: dict[Future, Task] = {}
    whole = True
    with worker_pool.pool() as pool:
        while under_way or (source and whole):
            while source and whole and len(under_way) < width:
                try:
                    under_way |= {pool.submit(Task.graded, source[0]): source[0]}
                    source.pop(0)
                except worker_pool.died:  # after the last check
                    whole = False
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                whole = whole and not _died(future, worker_pool)
                yield under_way.pop(future), future


def _died(future: Future, worker_pool: WorkerPool) -> bool:
    return not future.cancelled() and isinstance(future.exception(), worker_pool.died)


def _outcome(task: Task, future: Future, worker_pool: WorkerPool) -> Graded:
    """Return the result of a task, or a record of its failure.

    Raises:
        AdaptLabError: if the machine cannot grade, or if the cluster is gone.
    """
    try:
        return future.result()
    except CancelledError as error:
        raise AdaptLabError(
            "The cluster is gone. Start it again and run the same command; the marks so far are"
            " kept."
        ) from error
    except AdaptLabError:
        raise
    except worker_pool.died:
        return task.failed(
            "needs a person",
            "The grader's own process died on this notebook. An instructor will look at it.",
        )
    except Exception as error:
        return task.failed(
            "grader error",
            f"The grader failed ({type(error).__name__}: {error}). This is not your fault.",
        )
