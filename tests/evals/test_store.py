"""The store keeps whole runs or nothing, waits for no one for ever, and the page shows what was
lost.
"""

import re
import sqlite3

import pytest

from adaptlab.course.dashboard import build_dashboard
from adaptlab.errors import AdaptLabError
from adaptlab.evals.gate import compare
from adaptlab.evals.statistics import proportion
from adaptlab.evals.store import keep_run, read_runs
from adaptlab.evals.suite import estimates

BEFORE = {"arithmetic": [1.0] * 60, "reading": [1.0] * 60}
AFTER = {"arithmetic": [1.0] * 60, "reading": [0.0] * 30 + [1.0] * 30}


@pytest.fixture
def store(tmp_path):
    keep_run(tmp_path / "evals.db", "base <b>", "aa", {"n": 60}, estimates(BEFORE))
    keep_run(
        tmp_path / "evals.db",
        "tuned",
        "bb",
        {"rate": 1e-3},
        estimates(AFTER),
        "base <b>",
        compare(BEFORE, AFTER),
    )
    return tmp_path / "evals.db"


def test_runs_come_back_as_they_were_kept(store):
    first, second = read_runs(store)
    assert (first.model, first.base, first.config, first.failed) == ("base <b>", "", {"n": 60}, ())
    assert (
        second.scores["reading"] == proportion(AFTER["reading"])
        and second.failed == ("reading",)
        and second.config == {"rate": 1e-3}
    )


def test_a_store_locked_by_another_run_is_one_sentence_and_nothing_is_kept(store):
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(AdaptLabError, match="locked"):
        keep_run(store, "late", "cc", {}, estimates(BEFORE), patience=0.05)
    other.execute("ROLLBACK")
    other.close()
    assert [run.model for run in read_runs(store)] == ["base <b>", "tuned"]


def test_a_run_that_breaks_off_leaves_nothing_half_written(store):
    scores = estimates(BEFORE)
    with pytest.raises(AttributeError):
        keep_run(store, "broken", "cc", {}, scores | {"tones": None})
    assert len(read_runs(store)) == 2


def test_files_that_are_no_store_are_named(tmp_path):
    (tmp_path / "text.db").write_text(
        "not a database, but long enough to be taken for the head of one" * 4
    )
    with pytest.raises(AdaptLabError, match="not a file of runs"):
        keep_run(tmp_path / "text.db", "m", "w", {}, estimates(BEFORE))
    with pytest.raises(AdaptLabError, match="not there yet"):
        read_runs(tmp_path / "none.db")


def test_the_page_marks_regressions_by_sign_and_word_and_keeps_names_from_being_markup(
    store, tmp_path
):
    page = build_dashboard(store, tmp_path / "evals.html").read_text()
    assert page.count("✗ lost</span>") == 1 and "✗ refused" in page
    assert "base &lt;b&gt;" in page and "<b>" not in page
    assert (
        "run 2 0.50 (95% interval 0.38 to 0.62), lost" in page
        and "prefers-color-scheme: dark" in page
    )
    assert (
        len(
            re.findall(
                r'<img [^>]*alt="(?:arithmetic|reading), share of right replies by run: ', page
            )
        )
        == 2
    )


def test_an_empty_store_has_no_page(tmp_path):
    sqlite3.connect(tmp_path / "evals.db").close()
    with pytest.raises(AdaptLabError, match="no runs"):
        build_dashboard(tmp_path / "evals.db", tmp_path / "evals.html")
    assert not (tmp_path / "evals.html").exists()
