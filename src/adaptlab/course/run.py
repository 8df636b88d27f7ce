"""Run lessons: papermill, two independent lessons at a time, resumable, with an error status if a
lesson fails.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import nbformat
import papermill
from papermill.engines import NBClientEngine, papermill_engines

from adaptlab.cores import threads_of_each
from adaptlab.course.lesson_usage import usual_seconds, write_usage
from adaptlab.course.predictions import DONE_MIME
from adaptlab.errors import AdaptLabError
from adaptlab.evals.ledger import collect, to_json
from adaptlab.files import make_folder, require_disk, write_whole
from adaptlab.models.load_model import profile as check_profile
from adaptlab.models.load_model import resolve
from adaptlab.models.precision import SETTING, number_format
from adaptlab.progress import progress_bar

PACKAGE = Path(__file__).parents[1]
CELL_TIMEOUT_SECONDS = {"cpu": 600, "real": 7200, "gpu": 3600}


class _ReportingEngine(NBClientEngine):
    """papermill's own engine, which also reports the index of each starting cell to `on_cell`."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man, kernel_name, on_cell: Callable[[int], None] = lambda index: None, **options
    ):
        start = nb_man.cell_start

        def cell_start(cell, cell_index=None, **more):
            on_cell(cell_index)
            return start(cell, cell_index, **more)

        nb_man.cell_start = cell_start
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


papermill_engines.register("adaptlab", _ReportingEngine)


@dataclass(frozen=True)
class LessonOutcome:
    """The end of one notebook: `status` is "done", "kept" (nothing had changed), "failed" or
    "skipped" (a needed lesson failed).
    """

    name: str
    status: str
    seconds: float = 0.0
    cell: str = ""
    error: str = ""


def find_notebooks(folder: Path, names: tuple[str, ...] = ()) -> list[Path]:
    """Return the lessons in a folder; only those whose name starts with one of `names`, if
    given.
    """
    found = sorted(folder.glob("[0-9]*.ipynb"))
    if not found:
        raise AdaptLabError(
            f"There are no lessons in {folder}. Run the command in the folder of the course."
        )
    for name in names:
        if not name or not any(path.stem.startswith(name) for path in found):
            raise AdaptLabError(
                f"No lesson starts with {name!r}; the lessons are"
                f" {', '.join(path.stem for path in found)}."
            )
    return [path for path in found if not names or path.stem.startswith(names)]


def read_notebook(notebook: Path) -> nbformat.NotebookNode:
    """Read a notebook.

    Raises:
        AdaptLabError: if it is not a notebook.
    """
    try:
        return nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise AdaptLabError(
            f"{notebook} is not a readable notebook ({type(error).__name__}). Restore it, for"
            " example from git."
        ) from error


def fingerprint(notebook: Path, parameters: dict) -> str:
    """Return a hash of everything that affects a result.

    That is the notebook's source, its parameters, the number format, the lessons it needs, and the
    package with its weights.
    """
    cells = [f"{cell.cell_type}:{cell.source}" for cell in read_notebook(notebook).cells]
    parts = [
        repr(sorted(parameters.items())),
        os.environ.get(SETTING, ""),
        *cells,
        _package_digest(),
    ]
    parts += [
        fingerprint(notebook.with_name(f"{name}.ipynb"), parameters) for name in _needs(notebook)
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def _package_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in (".py", ".toml", ".json", ".jinja", ".safetensors"):
            digest.update(str(path.relative_to(PACKAGE)).encode() + path.read_bytes())
    return digest.hexdigest()


def _is_current(output: Path, mark: str) -> bool:
    if not output.exists():
        return False
    try:
        return (
            nbformat.read(output, as_version=4).metadata.get("adaptlab", {}).get("fingerprint")
            == mark
        )
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return False


def _closing_mark(notebook: nbformat.NotebookNode) -> dict:
    """Return the mark of the last code cell; empty if it was not reached.

    papermill reports a notebook that exits early as a success.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    marks = [
        output["data"][DONE_MIME]
        for output in (code[-1].outputs if code else ())
        if DONE_MIME in output.get("data", {})
    ]
    return marks[0] if marks else {}


def _first_line(code: str) -> str:
    """Return the first line of a cell, by which a reader finds it."""
    line = next((line for line in code.splitlines() if line.strip()), "")
    return line if len(line) <= 60 else f"{line[:57]}..."


def run_notebook(
    source: Path,
    output: Path,
    parameters: dict,
    on_cell: Callable[[int], None] = lambda index: None,
) -> LessonOutcome:
    """Execute one notebook; the executed copy is always kept, and gets its fingerprint only on
    success.
    """
    mark = fingerprint(source, parameters)
    began = time.monotonic()
    if _is_current(output, mark):
        return LessonOutcome(source.stem, "kept")
    make_folder(output.parent)
    part = output.with_name(f".{output.name}")
    error = ""
    cell = ""
    last = -1

    def on_start(index: int) -> None:
        nonlocal last
        last = index
        on_cell(index)

    try:
        papermill.execute_notebook(
            source,
            part,
            parameters,
            engine_name="adaptlab",
            on_cell=on_start,
            progress_bar=False,
            log_output=False,
            resources={"metadata": {"path": str(source.parent)}},
            kernel_name="python3",
            execution_timeout=CELL_TIMEOUT_SECONDS[parameters["profile"]],
        )
    except papermill.PapermillExecutionError as failure:
        cell = f"cell {failure.cell_index} ({_first_line(failure.source)})"
        error = f"{failure.ename}: {failure.evalue}".splitlines()[0]
    # A dead kernel or a cell that takes too long: this notebook fails, the others continue.
    except Exception as failure:
        cell = f"cell {last}"
        error = f"{type(failure).__name__}: {failure}".splitlines()[0]
    seconds = time.monotonic() - began
    try:
        executed = nbformat.read(part, as_version=4)
        if not error and not _closing_mark(executed):
            error = (
                "ended before its last cell (was it left by sys.exit?), or the last cell is not"
                " close_lesson()"
            )
        elif not error and (halved := _closing_mark(executed).get("halved")):
            error = (
                f"{', '.join(halved)}: a claim needs both, predict before its experiment and record"
                " after it"
            )
        executed.metadata["adaptlab"] = (
            {} if error else {"fingerprint": mark, "seconds": round(seconds, 1)}
        )
        write_whole(output, nbformat.writes(executed))
        part.unlink()
    # A full disk, above all.
    except (AdaptLabError, OSError, ValueError, nbformat.reader.NotJSONError) as failure:
        error = error or f"its outputs could not be kept: {failure}".splitlines()[0]
    return LessonOutcome(source.stem, "failed" if error else "done", seconds, cell, error)


def _usage(output: Path) -> dict:
    """Return the resources of an executed lesson."""
    notebook = nbformat.read(output, as_version=4)
    closing = _closing_mark(notebook)
    return {"lesson": output.stem, "seconds": notebook.metadata["adaptlab"]["seconds"]} | {
        key: closing[key] for key in ("device", "peak_mib", "gpu_peak_mib")
    }


def _needs(notebook: Path) -> list[str]:
    """Return the lessons whose results this lesson reads, from its metadata."""
    return list(read_notebook(notebook).metadata.get("adaptlab", {}).get("needs", []))


def _needed(notebooks: list[Path]) -> dict[str, list[str]]:
    """Return the needed lessons of each lesson, for these lessons and all that they need."""
    found = {}
    waiting = list(notebooks)
    while waiting:
        path = waiting.pop()
        if path.stem not in found:
            found[path.stem] = _needs(path)
            waiting += [path.with_name(f"{name}.ipynb") for name in found[path.stem]]
    return found


def run_lessons(
    notebooks: list[Path],
    build: Path,
    profile: str,
    parameters: dict | None = None,
    n_workers: int = 2,
) -> list[LessonOutcome]:
    """Run the lessons into `build`/notebooks and write `build`/ledger.json.

    The ledger has all lessons there that ran to their end in their present version.
    """
    check_profile(profile)
    if parameters and parameters.get("chat_model"):
        resolve(parameters["chat_model"])
    notebooks = [path.resolve() for path in notebooks]
    build = build.resolve()
    require_disk(build, 500)
    chosen = number_format("cuda" if profile == "gpu" else "cpu")
    n_workers = min(n_workers, len(notebooks))
    # One format for all lessons: each by itself might choose differently while others run.
    surroundings = {
        "ADAPTLAB_UNATTENDED": "1",
        "OMP_NUM_THREADS": str(threads_of_each(n_workers)),
        SETTING: chosen.name,
    }
    parameters = {"profile": profile} | (parameters or {})
    needs = _needed(notebooks)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        raise AdaptLabError(
            f"These lessons wait for each other: {', '.join(error.args[1])}. Correct the"
            " lessons that they need."
        ) from error
    asked = {path.stem for path in notebooks}
    order = TopologicalSorter(
        {path.stem: asked.intersection(needs[path.stem]) for path in notebooks}
    )
    order.prepare()
    by_name = {path.stem: path for path in notebooks}
    outcomes: dict[str, LessonOutcome] = {}
    running: dict[Future, str] = {}
    with _environment(surroundings):
        with ThreadPoolExecutor(n_workers) as pool:
            while order.is_active():
                # Otherwise a long lesson may run alone at the end.
                for name in sorted(order.get_ready(), key=usual_seconds, reverse=True):
                    failed = [
                        n
                        for n in _needs(by_name[name])
                        if n in outcomes and outcomes[n].status in ("failed", "skipped")
                    ]
                    if failed:
                        outcomes[name] = LessonOutcome(
                            name, "skipped", error=f"needs {', '.join(failed)}"
                        )
                        order.done(name)
                    else:
                        running[_start(pool, by_name[name], build, parameters)] = name
                for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                    name = running.pop(future)
                    outcomes[name] = future.result()
                    order.done(name)
        executed = {
            path: build / "notebooks" / path.name for path in find_notebooks(notebooks[0].parent)
        }
        current = [
            output
            for path, output in executed.items()
            if _is_current(output, fingerprint(path, parameters))
        ]
        write_whole(build / "ledger.json", to_json(collect(current)))
        if any(outcome.status == "done" for outcome in outcomes.values()):
            write_usage(
                build,
                [_usage(output) for output in current],
                f"adaptlab run --profile {profile}",
                chosen,
            )
    return [outcomes[path.stem] for path in notebooks]


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that start inside the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start(pool: ThreadPoolExecutor, notebook: Path, build: Path, parameters: dict) -> Future:
    """Run a notebook in the pool with its own progress bar: finished cells and elapsed time."""

    def work() -> LessonOutcome:
        n_cells = len(read_notebook(notebook).cells)
        with progress_bar(
            total=n_cells,
            desc=notebook.stem,
            unit="cell",
            bar_format="{desc:<24} cell {n_fmt}/{total_fmt} |{bar:20}| {elapsed}",
        ) as bar:

            def on_cell(index: int) -> None:
                bar.n = index
                bar.refresh()

            outcome = run_notebook(
                notebook, build / "notebooks" / notebook.name, parameters, on_cell
            )
            bar.n = n_cells if outcome.status in ("done", "kept") else bar.n
            bar.refresh()
        return outcome

    return pool.submit(work)


def summary(outcomes: list[LessonOutcome]) -> str:
    """Return one line per notebook, with cell and error if there is one."""
    width = shutil.get_terminal_size().columns
    lines = []
    for outcome in outcomes:
        line = f"{outcome.name:<24} {outcome.status:<8} {outcome.seconds:6.1f} s"
        detail = " ".join(part for part in (outcome.cell, outcome.error) if part)
        lines.append(
            line
            if not detail
            else f"{line}  {detail}"
            if len(line) + len(detail) < width
            else f"{line}\n  {detail}"
        )
    return "\n".join(lines)
