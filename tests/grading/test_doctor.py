"""The doctor is doctored: in a sound box every probe finds nothing, and in one without walls the
same probes get out, and are said to.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from grading.conftest import cells
from typer.testing import CliRunner

from adaptlab.cli.grade import grade_app
from adaptlab.errors import AdaptLabError
from adaptlab.grading.codec import plain
from adaptlab.grading.sandbox import box, bwrap
from adaptlab.grading.sandbox import fork_server_client as warm
from adaptlab.grading.sandbox import self_check as doctor
from adaptlab.grading.sandbox.box import Box, prepared
from adaptlab.grading.sandbox.escape_probes import PROBES
from adaptlab.grading.sandbox.limits import MIB, PREFIX, Limits, environment

BY_NAME = {probe.name: probe for probe in PROBES}
LOOSE = Limits(step_seconds=60, total_seconds=60, memory_bytes=8 * 1024 * MIB, processes=2000)
# What needs more than to be the grader's user on an open machine: root, or limits that are loosened
# as well.
NEEDS_ROOT = {
    "kernel's settings",
    "memory of the machine",
    "another user",
    "raw packets",
    "limits",
    "calls",
    "debugging",
    "mount",
}
NOT_OF_THE_WALLS = {"forged answer", "kernel's version"}


@pytest.fixture(scope="module")
def harness(box_level):
    with prepared() as folder:
        yield folder


@pytest.fixture
def no_walls(monkeypatch):
    """A box that is none: the same server as a process of the grader's own, with loose limits."""

    def command(folder, *more):
        variables = environment(tempfile.gettempdir(), tempfile.gettempdir()).items()
        within = [
            "env",
            *(f"{k}={v}" for k, v in variables),
            sys.executable,
            "-P",
            str(folder / "server.py"),
        ]
        return [
            "bwrap",
            "--dev-bind",
            "/",
            "/",
            *(["--cap-add", "ALL"] if os.getuid() == 0 else []),
            "sh",
            "-c",
            'exec 9</; exec "$@"',
            "sh",
            *within,
        ]

    monkeypatch.setattr(warm, "FORK_SERVERS", {})
    monkeypatch.setattr(bwrap, "command", command)
    monkeypatch.setattr(doctor, "Box", lambda folder, level, limits: Box(folder, level, LOOSE))


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("begun", ["warm", "cold"])
def test_the_box_of_this_machine_holds(harness, tmp_path, monkeypatch, box_level, name, begun):
    assert harness in warm.FORK_SERVERS
    if begun == "cold":
        monkeypatch.setattr(warm, "FORK_SERVERS", {})
    finding = doctor.examine(BY_NAME[name], harness, tmp_path, box_level)
    assert finding.verdict == ("held" if finding.promised else "escaped"), finding


@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in NOT_OF_THE_WALLS])
def test_without_walls_every_probe_escapes(harness, tmp_path, no_walls, name):
    if name in NEEDS_ROOT and os.getuid() != 0:
        pytest.skip("only root can do this on an open machine")
    finding = doctor.examine(BY_NAME[name], harness, tmp_path, "bwrap")
    assert finding.verdict == "escaped", finding


def test_where_the_number_of_an_answer_is_known_a_forged_one_is_taken_and_found(
    harness, tmp_path, monkeypatch
):
    monkeypatch.setattr(box, "secrets", SimpleNamespace(token_hex=lambda n: "forged"))
    assert doctor.examine(BY_NAME["forged answer"], harness, tmp_path, "bwrap").verdict == "escaped"


@pytest.mark.parametrize("source", ["1 / 0", "import os\nos._exit(3)", "unset = 1"])
def test_a_probe_that_fails_itself_proves_nothing(harness, tmp_path, source):
    finding = doctor.examine(doctor.Probe("broken", "nothing", source), harness, tmp_path, "bwrap")
    assert finding.verdict == "unclear" and finding.broken


def test_baits_are_taken_away(tmp_path):
    before = {
        path
        for place in (Path.home(), tmp_path, Path(tempfile.gettempdir()))
        for path in place.glob(".adaptlab-bait-*")
    }
    with doctor.Bait(tmp_path, doctor.SMALL) as bait:
        assert (
            (tmp_path / bait.words["course"]).read_text()
            == bait.secret
            == os.environ[bait.words["variable"]]
        )
    assert {
        path
        for place in (Path.home(), tmp_path, Path(tempfile.gettempdir()))
        for path in place.glob(".adaptlab-bait-*")
    } <= before
    assert bait.words["variable"] not in os.environ and not psutil.pid_exists(bait.victim.pid)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with (
        pytest.raises(AdaptLabError, match="nowhere is not writable"),
        doctor.Bait(tmp_path / "nowhere", doctor.SMALL),
    ):
        pass


@pytest.mark.parametrize(("verdict", "status"), [("held", 0), ("escaped", 1), ("unclear", 1)])
def test_the_command_fails_if_a_promise_is_not_kept(monkeypatch, box_level, verdict, status):
    findings = [
        doctor.Finding(BY_NAME["network"], "bwrap", verdict),
        doctor.Finding(BY_NAME["kernel's version"], "bwrap", "escaped", "6"),
    ]
    monkeypatch.setattr(doctor, "examine_all", lambda folder, level: findings)
    result = CliRunner().invoke(grade_app, ["doctor"])
    assert result.exit_code == status and verdict in result.output
    assert ("breaks its guarantees (network)" in result.output) == (status == 1)


@pytest.mark.parametrize("ready", [False, True])
def test_a_box_begins_though_the_interpreter_that_waited_is_gone(box_level, ready):
    with prepared() as folder:
        waiting = warm.FORK_SERVERS[folder]
        if ready:
            Box(folder, box_level).close()
            assert waiting.usable
        waiting.process.kill()
        waiting.process.wait()
        for _ in range(2):
            with Box(folder, box_level) as one:
                assert (
                    one.run("x = 6 * 7") is None
                    and plain(one.read(["x"])) == {"x": 42}
                    and not waiting.usable
                    and isinstance(one.begun, bwrap.Cold)
                )


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"{PREFIX}{os.getpid()}-*"))


def test_grading_leaves_no_folder(grader):
    before = folders()
    with prepared() as folder:
        assert folders() == before | {folder}
        assert replace(grader, harness=folder)(cells()).points == 6
    assert folders() == before


def test_what_a_killed_grader_left_is_swept_and_nothing_else(tmp_path, monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = {
        name: tmp_path / f"{PREFIX}{name}"
        for name in (f"{gone.pid}-a", f"{os.getpid()}-b", "without", f"{gone.pid}-link")
    }
    kept = tmp_path / "kept"
    for place in (kept, *list(names.values())[:3]):
        place.mkdir()
        (place / "file").touch()
    names[f"{gone.pid}-link"].symlink_to(kept)
    with prepared():
        assert {place for place in names.values() if place.exists()} == {
            place for name, place in names.items() if name != f"{gone.pid}-a"
        }
    assert (kept / "file").exists()
    shutil.rmtree(names["without"])
