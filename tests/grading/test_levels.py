"""The other levels of a box: each keeps what it promises, gives the marks that the first gives, and
is never taken for another.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from grading.conftest import LIMITS, Grader, cells
from grading.test_hostile import ANSWERS, CHEATS, WRONG, assert_only_one_is_lost
from grading.test_marks import submissions

from adaptlab.errors import AdaptLabError
from adaptlab.grading.batch import grade_all
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.sandbox import landlock, landlock_supervisor
from adaptlab.grading.sandbox import self_check as doctor
from adaptlab.grading.sandbox.box import Box, prepared
from adaptlab.grading.sandbox.escape_probes import PROBES
from adaptlab.grading.sandbox.levels import LEVELS, level
from adaptlab.grading.sandbox.limits import kernel_limits
from adaptlab.grading.sandbox.seccomp import system_calls
from adaptlab.grading.worker_pool import processes

BY_NAME = {probe.name: probe for probe in PROBES}
ENGINES = ("podman", "docker")
OTHERS = ("landlock", *ENGINES)
HOSTILE = (
    "leaves a process",
    "kills everything",
    "calls out",
    "writes the package",
    "fills the disk",
    "many threads",
    "user namespace",
)
BAD = (
    "exits hard",
    "kills itself",
    "takes all memory",
    "forges the pipe",
    "a huge answer",
    "leaves when called",
)
# What Landlock leaves open, and the filter of system calls closes.
BY_CALLS = (
    "network",
    "name server",
    "abstract socket",
    "named socket",
    "modes",
    "others' limits",
    "shared memory",
    "user namespace",
)
BY_FILES = ("home", "course", "temporary files", "system files", "right answers", "processes")


def there(name: str) -> str:
    """A level, or a test that is skipped and says why."""
    if why := LEVELS[name].missing():
        pytest.skip(f"no sandbox of the level {name}: {why}")
    return name


@pytest.fixture(scope="module", params=OTHERS)
def other(request) -> str:
    return there(request.param)


@pytest.fixture(scope="module")
def fenced() -> str:
    return there("landlock")


@pytest.fixture(scope="module")
def harness():
    with prepared() as folder:
        yield folder


@pytest.fixture(scope="module")
def graded_at(lab, harness, other):
    return Grader(lab, harness, other)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_level_holds_what_it_promises_and_says_what_it_does_not(harness, tmp_path, other, name):
    finding = doctor.examine(BY_NAME[name], harness, tmp_path, other)
    assert finding.verdict == ("held" if finding.promised else "escaped"), finding


@pytest.mark.parametrize("name", BY_CALLS)
def test_with_the_filter_of_another_level_a_fence_has_gaps(
    harness, tmp_path, monkeypatch, fenced, name
):
    monkeypatch.setattr(landlock, "system_calls", lambda apart: system_calls())
    held = name in ("network", "abstract socket")  # by Landlock, too
    assert doctor.examine(BY_NAME[name], harness, tmp_path, fenced).verdict == (
        "held" if held else "escaped"
    )


@pytest.mark.parametrize("name", BY_FILES)
def test_without_the_fence_the_same_process_reads_everything(
    harness, tmp_path, monkeypatch, fenced, name
):
    monkeypatch.setattr(landlock, "readable", lambda: [Path("/")])
    monkeypatch.setattr(landlock, "GRADING", tmp_path / "grading")
    assert doctor.examine(BY_NAME[name], harness, tmp_path, fenced).verdict == "escaped"


def test_the_right_answers_get_the_same_points(graded_at, grader):
    marks = [
        replace(graded, level="", seconds=0, peak_bytes=0)
        for graded in (graded_at(cells()), grader(cells()))
    ]
    assert marks[0] == marks[1] and marks[0].points == 6


@pytest.mark.parametrize("name", HOSTILE)
def test_a_cheat_wins_nothing_and_harms_nothing(graded_at, name):
    assert_only_one_is_lost(
        graded_at(cells(first=CHEATS[name], same_strength=WRONG.format("alpha")))
    )


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_costs_its_own_exercise(graded_at, name):
    source, status = ANSWERS[name]
    # The kernel ends it at once, and nobody is told why.
    if graded_at.level in ENGINES and name == "takes all memory":
        status = None
    assert_only_one_is_lost(graded_at(cells(same_strength=source)), status)


def test_a_batch_is_graded_at_the_level_that_was_asked_for(tmp_path, lab, fenced):
    ledger = Ledger(tmp_path / "marks.db")
    assert grade_all(submissions(1), lab, "grader", ledger, processes(1), box=fenced) == 2
    assert {sheet.level for sheet in ledger.sheets(lab.name)} == {fenced}


def test_a_level_that_is_not_here_is_a_sentence_and_no_other_is_taken(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    for name in ("bwrap", "podman", "docker"):
        with pytest.raises(
            AdaptLabError, match=f"level {name} is not available .* is not installed"
        ):
            level(name)
    with pytest.raises(
        AdaptLabError, match="no sandbox level 'none'. Use one of bwrap, podman, docker, landlock"
    ):
        level("none")


def test_the_lower_level_is_for_those_who_ask(monkeypatch, fenced):
    monkeypatch.setenv("PATH", "/nowhere")
    assert level("landlock") == "landlock"
    with pytest.raises(
        AdaptLabError,
        match="has no sandbox.*apt install bubblewrap.* with --box landlock",
    ):
        level()


def test_where_the_kernel_is_too_old_nobody_is_fenced(monkeypatch):
    monkeypatch.setattr(landlock_supervisor, "NEEDED", 1000)
    with pytest.raises(AdaptLabError, match="too old to restrict signals"):
        level("landlock")


KILLED = """import os, sys, time
from adaptlab.grading.sandbox.box import Box, prepared
with prepared() as folder, Box(folder, 'landlock') as box:
    box.run({source!r})
    print(box.begun.home, flush=True)
    time.sleep(60)"""
ORPHAN = (
    "import os, subprocess, sys\nif os.fork() == 0:\n    os.setsid()\n   "
    " subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', '{}'])\n"
)


def test_a_fenced_box_ends_with_its_grader(fenced):
    word = f"orphan-{os.getpid()}-{time.time_ns()}"
    source = KILLED.format(source=f"{ORPHAN.format(word)}    os._exit(0)\nos.wait()")
    grader = subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, start_new_session=True
    )
    home = Path(grader.stdout.readline().decode().strip())
    assert (
        home.is_dir()
        and subprocess.run(["pgrep", "-f", word], stdout=subprocess.DEVNULL).returncode == 0
    )
    os.kill(grader.pid, signal.SIGKILL)
    grader.wait()
    assert not doctor.left(word)
    with prepared(warm=False):
        assert not home.exists()


CONTAINED = """from adaptlab.grading.sandbox.box import Box, prepared
with prepared(warm=False) as folder, Box(folder, {engine!r}) as box:
    print(box.begun.name, flush=True)
    box.run("while True: pass")"""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_container_ends_with_its_grader(engine):
    grader = subprocess.Popen(
        [sys.executable, "-c", CONTAINED.format(engine=there(engine))],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    name = grader.stdout.readline().decode().strip()
    listed = [engine, "ps", "--all", "--quiet", f"--filter=name={name}"]
    assert name and subprocess.check_output(listed)
    os.kill(grader.pid, signal.SIGKILL)
    grader.wait()
    until = time.monotonic() + 30  # its notebook would run for minutes
    while subprocess.check_output(listed) and time.monotonic() < until:
        time.sleep(0.1)
    assert not subprocess.check_output(listed)


@pytest.mark.parametrize("who", [0, 1], ids=["server", "supervisor"])
def test_a_fenced_box_that_somebody_kills_is_begun_again(lab, harness, monkeypatch, fenced, who):
    """Once: its answers are asked for anew, and cost nothing."""
    killed = []
    read = Box.read

    def killing(box, names):
        if not killed:
            killed.append(box.begun.pids[who])
            os.kill(killed[0], signal.SIGKILL)
        return read(box, names)

    monkeypatch.setattr(Box, "read", killing)
    graded = Grader(lab, harness, fenced)(cells())
    assert graded.points == 6 and not psutil.pid_exists(killed[0])


def test_a_fenced_box_leaves_no_folder_however_deep(harness, fenced):
    dig = (
        "import os\nfor _ in range(2000):\n    os.mkdir('d')\n    os.chdir('d')\nos.mkdir('closed',"
        " 0o300)\nopen('closed/file', 'w').close()"
    )
    with Box(harness, fenced, replace(LIMITS, disk_bytes=2**30)) as box:
        box.begun.most = -1  # the watch ends what digs so deep
        home = box.begun.home
        box.limits = replace(box.limits, disk_bytes=2**40)
        assert box.run(dig) is None
    assert not home.exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda f: (f / "a").write_bytes(bytes(5000)),
        lambda f: [(f / str(i)).touch() for i in range(5)],
    ],
)
def test_what_stands_on_the_disk_is_counted(tmp_path, make):
    make(tmp_path)
    (tmp_path / "elsewhere").symlink_to("/usr")
    (tmp_path / "round").symlink_to(tmp_path)
    n_bytes, n_files = landlock.size(tmp_path, 10**6, 100)
    assert 5000 <= n_bytes < 20_000 and n_files in (3, 7)
    assert landlock.size(tmp_path, 4000, 100)[0] > 4000
    assert landlock.size(tmp_path, 10**6, 1)[1] == 2


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("import os\nfor i in range(10**6): os.mkdir(f'd{i}')", "more than 300 files"),
        (
            "f = open('x', 'wb')\n__import__('os').unlink('x')\nwhile True: f.write(bytes(2**16))",
            "more than 20 MiB",
        ),
    ],
    ids=["folders", "a file without a name"],
)
def test_what_a_fenced_box_has_on_the_disk_is_limited(lab, harness, fenced, cell, says):
    few = replace(LIMITS, step_seconds=30, files=300, disk_bytes=20 * 2**20)
    graded = Grader(lab, harness, fenced)(cells(first=cell), few)
    assert graded.points == 6 and says in graded.notes[0] and graded.seconds < 20


def test_what_is_too_deep_counts_as_too_much(tmp_path):
    (tmp_path / "/".join("d" * 60)).mkdir(parents=True)
    assert landlock.size(tmp_path, 10**6, 100)[0] > 10**6


def test_open_files_that_stand_nowhere_are_counted(tmp_path):
    with tempfile.TemporaryFile(dir=tmp_path) as held, (tmp_path / "named").open("wb") as named:
        before = landlock.nameless([psutil.Process()])
        held.write(bytes(2**20))
        held.flush()
        named.write(bytes(2**20))
        named.flush()
        os.fsync(held.fileno())
        assert landlock.nameless([psutil.Process()]) - before == 2**20


@pytest.mark.parametrize(
    ("most", "kept"), [(1024, 1024), (2**20, 4096), (resource.RLIM_INFINITY, 4096)]
)
def test_a_box_opens_no_more_files_than_the_machine_allows(monkeypatch, most, kept):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (most, most))
    assert kernel_limits(LIMITS)["nofile"] == kept
