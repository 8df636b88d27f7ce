"""A batch on a real Dask cluster of this machine: the marks are those without one, whatever dies,
and who cannot grade says so in a sentence.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import parent_process
from pathlib import Path
from threading import Thread

import dask
import pytest
from distributed import LocalCluster
from grading.conftest import as_notebook, cells
from grading.kills import rows
from grading.test_marks import RECEIVED, submissions
from typer.testing import CliRunner

from adaptlab.cli.grade import grade_app
from adaptlab.errors import AdaptLabError
from adaptlab.grading.batch import Task, grade_all
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.sandbox.limits import DEFAULT
from adaptlab.grading.submissions.submission import Submission
from adaptlab.grading.worker_pool import cluster, processes

pytestmark = pytest.mark.usefixtures("box_level")


def started(workers: int = 2, **settings) -> LocalCluster:
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        **settings,
    )


class Watched(Ledger):
    """A ledger that counts what is kept, and does something after so many submissions."""

    def __init__(self, path: Path, after: int = 0, then=None):
        super().__init__(path)
        self.kept = Counter()
        self.after = after
        self.then = then

    def keep(self, submission, graded, grader) -> None:
        super().keep(submission, graded, grader)
        self.kept[submission.student] += 1
        if self.kept.total() == self.after:
            self.then()


class Deadly(Submission):
    """What ends the process that grades it."""

    def __getattribute__(self, name: str):
        if name == "fault" and parent_process():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)


@pytest.fixture(scope="module", autouse=True)
def surroundings():
    """A nanny leaves numbers of threads in the environment of whoever starts it, which later tests
    would inherit.
    """
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def here(tmp_path_factory, lab, box_level) -> list:
    """The marks that this machine's processes give."""
    path = tmp_path_factory.mktemp("here") / "marks.db"
    grade_all(submissions(6), lab, "grader", Ledger(path))
    return rows(path, lab)


def test_a_worker_that_is_killed_loses_nothing_and_grades_nothing_twice(tmp_path, lab, here):
    with started() as running, cluster(running.scheduler_address) as worker_pool:
        before = {nanny.pid for nanny in running.workers.values()}
        ledger = Watched(tmp_path / "marks.db", 2, lambda: os.kill(min(before), signal.SIGKILL))
        assert (
            worker_pool.workers == 2
            and grade_all(submissions(6), lab, "grader", ledger, worker_pool) == 7
        )
        assert len(before & {nanny.pid for nanny in running.workers.values()}) == 1
        assert rows(ledger.path, lab) == here and set(ledger.kept.values()) == {1}
        assert grade_all(submissions(6), lab, "grader", ledger, worker_pool) == 0
    assert {sheet.level for sheet in ledger.sheets(lab.name)} == {"bwrap"}


def deadly_batch(path: Path, lab, worker_pool) -> None:
    ledger = Watched(path)
    grade_all(
        [Deadly("deadly", as_notebook(cells()), "file", RECEIVED), *submissions(3)],
        lab,
        "grader",
        ledger,
        worker_pool,
    )
    marks = {
        sheet.student: {(mark.status, mark.points) for mark in sheet.marks}
        for sheet in ledger.sheets(lab.name)
    }
    assert marks.pop("deadly") == {("needs a person", None)} and set(ledger.kept.values()) == {1}
    assert (
        len(marks) == 4 and "needs a person" not in str(marks) and "grader error" not in str(marks)
    )


def test_what_ends_a_process_alone_is_left_to_a_person(tmp_path, lab):
    deadly_batch(tmp_path / "marks.db", lab, processes(2))


def test_what_ends_a_worker_alone_is_left_to_a_person(tmp_path, lab):
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        started() as running,
        cluster(running.scheduler_address) as worker_pool,
    ):
        deadly_batch(tmp_path / "marks.db", lab, worker_pool)


def test_a_worker_without_a_box_grades_nothing(tmp_path, lab):
    ledger = Watched(tmp_path / "marks.db")
    with (
        started(1, env={"PATH": "/nowhere"}) as running,
        cluster(running.scheduler_address) as worker_pool,
        pytest.raises(AdaptLabError, match="cannot grade: .* sandbox"),
    ):
        grade_all(submissions(), lab, "grader", ledger, worker_pool)
    assert not ledger.kept


def test_a_worker_with_another_grader_grades_nothing(lab):
    with pytest.raises(AdaptLabError, match="cannot grade: .* code or packages differ"):
        Task(lab, submissions()[0], DEFAULT, "batch", "another", "", 1).graded()


def test_when_the_cluster_goes_what_was_graded_stays_and_the_rest_is_graded_later(
    tmp_path, lab, here
):
    with (
        started() as running,
        cluster(running.scheduler_address) as worker_pool,
        pytest.raises(AdaptLabError, match="The cluster is gone"),
    ):
        grade_all(
            submissions(6),
            lab,
            "grader",
            Watched(tmp_path / "marks.db", 2, running.close),
            worker_pool,
        )
    ledger = Watched(tmp_path / "marks.db")
    assert grade_all(submissions(6), lab, "grader", ledger) <= 5 and rows(ledger.path, lab) == here


def test_a_cluster_that_is_not_there_is_a_sentence(tmp_path, monkeypatch, lab):
    monkeypatch.setattr("adaptlab.grading.worker_pool.PATIENCE", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense://127.0.0.1:1", "tcp://", "no such place"):
        with pytest.raises(AdaptLabError, match="No cluster answers"), cluster(address):
            pass
    with (
        started(0) as running,
        pytest.raises(AdaptLabError, match="has no workers. Start .* dask worker tcp"),
        cluster(running.scheduler_address),
    ):
        pass


def test_the_command_refuses_a_cluster_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr("adaptlab.grading.worker_pool.PATIENCE", 1)
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "lab04_short.ipynb").write_bytes(as_notebook(cells()))
    where = [
        "--lab",
        "04",
        "--out",
        str(tmp_path),
        "--folder",
        str(tmp_path),
        "--cluster",
        "127.0.0.1:1",
    ]
    done = CliRunner().invoke(grade_app, [str(tmp_path / "labs"), *where])
    assert isinstance(
        done.exception, AdaptLabError
    ) and "No cluster answers at '127.0.0.1:1'" in str(done.exception)


@pytest.mark.parametrize("address", ["nonsense://x", "127.0.0.1:1"])
def test_an_address_where_nobody_is_leaves_nothing_but_the_sentence(address):
    """In a process of its own, since a client that failed may write more at its end."""
    attempt = (
        f"try:\n    with worker_pool.cluster({address!r}): pass\nexcept worker_pool.AdaptLabError"
        " as error:\n    print(error)"
    )
    code = f"from adaptlab.grading import worker_pool\nworker_pool.PATIENCE = 1\n{attempt}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("No cluster answers at") and done.stderr == ""


def test_what_answers_and_is_no_scheduler_is_a_sentence(monkeypatch):
    """A web server takes the connection and never says what a scheduler would."""
    monkeypatch.setattr("adaptlab.grading.worker_pool.PATIENCE", 1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with (
            pytest.raises(AdaptLabError, match="No cluster answers"),
            cluster(f"tcp://127.0.0.1:{server.server_port}"),
        ):
            pass
    finally:
        server.shutdown()
