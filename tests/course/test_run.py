"""The runner: success, failure, early exit, dead kernel, dependencies, resuming."""

import json
import os

import nbformat
import pytest

from adaptlab.course import run
from adaptlab.course.in_place import keep_outputs
from adaptlab.errors import AdaptLabError

PARAMETERS = 'profile: str = "cpu"'
PREDICT = (
    'from adaptlab.course.predictions import predict\npredict("{id}", "Is it so?", ["yes", "no"])'
)
RECORD = (
    PREDICT
    + """
from adaptlab.evals.claims import claim
from adaptlab.evals.ledger import record
record("{id}", 0.5, (0.4, 0.6), n=10, seeds=[0], rule=claim("{id}").rule)"""
)
CLOSE = "from adaptlab.course.predictions import close_lesson\nclose_lesson()"


def lesson(folder, name, *code, needs=()):
    cells = [
        nbformat.v4.new_markdown_cell(f"# {name} title", id="title"),
        nbformat.v4.new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
    ]
    cells += [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(code)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    folder.mkdir(exist_ok=True)
    nbformat.write(
        nbformat.v4.new_notebook(
            cells=cells, metadata={"kernelspec": kernel, "adaptlab": {"needs": list(needs)}}
        ),
        folder / f"{name}.ipynb",
    )


@pytest.fixture
def course(tmp_path):
    return tmp_path / "notebooks", tmp_path / "build" / "cpu"


def run_all(course):
    folder, build = course
    return {o.name: o for o in run.run_lessons(run.find_notebooks(folder), build, "cpu")}


def test_one_failure_is_kept_with_its_error_while_the_others_go_on(course):
    folder, build = course
    lesson(folder, "01_good", RECORD.format(id="P1"), CLOSE)
    lesson(folder, "02_bad", "1 + 1", "x = 1\nraise ValueError('the lamp is off')", CLOSE)
    lesson(folder, "03_waits", CLOSE, needs=["02_bad"])
    lesson(folder, "04_exits", "import sys\nsys.exit(0)", CLOSE)
    lesson(folder, "05_dies", "import os\nos._exit(3)", CLOSE)
    lesson(folder, "06_open", "1 + 1")
    lesson(folder, "07_half", PREDICT.format(id="P2"), CLOSE)
    outcomes = run_all(course)
    assert {name: o.status for name, o in outcomes.items()} == {
        "01_good": "done",
        "02_bad": "failed",
        "03_waits": "skipped",
        "04_exits": "failed",
        "05_dies": "failed",
        "06_open": "failed",
        "07_half": "failed",
    }
    assert "ValueError: the lamp is off" in run.summary(list(outcomes.values())) and outcomes[
        "02_bad"
    ].cell.endswith("(x = 1)")
    assert outcomes["07_half"].error.startswith("P2: a claim needs both")
    kept = nbformat.read(build / "notebooks" / "02_bad.ipynb", as_version=4)
    assert any(
        output.output_type == "error" for cell in kept.cells for output in cell.get("outputs", [])
    )
    assert [row["id"] for row in json.loads((build / "ledger.json").read_text())] == ["P1"]
    assert "cell" in outcomes["05_dies"].cell
    assert not list(build.rglob(".*.ipynb"))


def test_finished_notebooks_are_kept_until_something_changes(course):
    folder, build = course
    lesson(folder, "01_a", RECORD.format(id="P1"), CLOSE)
    lesson(folder, "02_b", RECORD.format(id="P2"), CLOSE)
    assert {o.status for o in run_all(course).values()} == {"done"}
    assert {o.status for o in run_all(course).values()} == {"kept"}
    lesson(folder, "02_b", RECORD.format(id="P3"), CLOSE)
    assert {name: o.status for name, o in run_all(course).items()} == {
        "01_a": "kept",
        "02_b": "done",
    }
    (build / "notebooks" / "01_a.ipynb").write_text("{")  # as a full disk might have left it
    assert run_all(course)["01_a"].status == "done"
    assert [row["id"] for row in json.loads((build / "ledger.json").read_text())] == ["P1", "P3"]


def test_parameters_reach_the_notebook_and_are_part_of_its_fingerprint(course):
    folder, build = course
    lesson(folder, "01_a", "assert chat_model == 'embedded:mini-chat'", CLOSE)
    outcome = run.run_lessons(
        run.find_notebooks(folder), build, "cpu", {"chat_model": "embedded:mini-chat"}
    )[0]
    assert outcome.status == "done"
    assert (
        run.run_lessons(run.find_notebooks(folder), build, "cpu", {"chat_model": "embedded:base"})[
            0
        ].status
        == "failed"
    )


def test_the_ledger_holds_what_ran_to_its_end_as_it_stands_now(course):
    folder, build = course

    def recorded():
        return [row["id"] for row in json.loads((build / "ledger.json").read_text())]

    lesson(folder, "01_a", RECORD.format(id="P1"), CLOSE)
    lesson(folder, "02_b", RECORD.format(id="P2"), CLOSE, needs=["01_a"])
    run_all(course)
    run.run_lessons(run.find_notebooks(folder, ("01",)), build, "cpu")
    assert recorded() == ["P1", "P2"], "a run of one lesson keeps the others' records"
    lesson(folder, "01_a", RECORD.format(id="P1"), "1 / 0", CLOSE)
    assert run_all(course)["02_b"].status == "skipped"
    assert recorded() == [], "neither a failed lesson nor one that waits for it"
    with pytest.raises(AdaptLabError, match="no embedded model"):
        run.run_lessons(run.find_notebooks(folder), build, "cpu", {"chat_model": "embedded:huge"})


def test_what_cannot_run_is_refused_in_a_sentence(course, monkeypatch):
    folder, build = course
    folder.mkdir()
    with pytest.raises(AdaptLabError, match="no lessons"):
        run.find_notebooks(folder)
    lesson(folder, "01_a", CLOSE, needs=["02_b"])
    lesson(folder, "02_b", CLOSE, needs=["01_a"])
    with pytest.raises(AdaptLabError, match="wait for each other"):
        run_all(course)
    with pytest.raises(AdaptLabError, match="wait for each other"):
        run.run_lessons(run.find_notebooks(folder, ("01",)), build, "cpu")
    (folder / "03_c.ipynb").write_text("{")
    with pytest.raises(AdaptLabError, match="03_c.ipynb"):
        run_all(course)
    (folder / "03_c.ipynb").unlink()
    with pytest.raises(AdaptLabError, match="No lesson starts with '09'"):
        run.find_notebooks(folder, ("09",))
    with pytest.raises(AdaptLabError, match="no profile"):
        run.run_lessons(run.find_notebooks(folder), build, "tpu")
    build.parent.write_text("a file where a folder should be")
    lesson(folder, "02_b", CLOSE)
    with pytest.raises(AdaptLabError, match="could not be made"):
        run_all(course)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 2**20})())
    with pytest.raises(AdaptLabError, match="disk space"):
        run_all(course)


def test_lessons_have_an_environment_of_their_own(course, monkeypatch):
    for name in ("ADAPTLAB_UNATTENDED", "OMP_NUM_THREADS", "ADAPTLAB_DTYPE"):
        monkeypatch.setenv(name, "") if name == "ADAPTLAB_DTYPE" else monkeypatch.delenv(
            name, False
        )
    before = dict(os.environ)
    folder, build = course
    lesson(folder, "01_a", "import os", "assert os.environ['ADAPTLAB_UNATTENDED'] == '1'", CLOSE)
    assert run_all(course)["01_a"].status == "done"
    assert dict(os.environ) == before


def test_outputs_are_put_into_the_lesson_and_nothing_else_of_it_changes(course):
    folder, build = course
    bar = "import sys\nprint('bar', file=sys.stderr)\nprint('shown')\n6 * 7"
    lesson(folder, "01_a", bar, CLOSE)
    run_all(course)
    before = nbformat.read(folder / "01_a.ipynb", as_version=4)
    keep_outputs(folder / "01_a.ipynb", build / "notebooks" / "01_a.ipynb")
    after = nbformat.read(folder / "01_a.ipynb", as_version=4)
    assert [cell.source for cell in after.cells] == [cell.source for cell in before.cells]
    assert [cell.metadata for cell in after.cells] == [cell.metadata for cell in before.cells]
    assert after.metadata == before.metadata
    shown = after.cells[2]
    assert shown.execution_count == 2  # not papermill's own cell of parameters before it
    assert [output.output_type for output in shown.outputs] == ["stream", "execute_result"]
    assert shown.outputs[0].text == "shown\n"
    assert shown.outputs[1].execution_count == 2
