"""The students' copy: checks by what was recorded judge as those of the exercises do, and no right
answer is in it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from adaptlab.course.labs import RELEASED, labs_of, solved
from adaptlab.errors import AdaptLabError
from adaptlab.grading.artefact import Artefact
from adaptlab.grading.batch import read_lab_named
from adaptlab.grading.codec import Raised
from adaptlab.grading.exercise import Exercise, Parsons
from adaptlab.grading.exercises import exercises, lab_names
from adaptlab.grading.recorded import _exercise, record
from adaptlab.grading.release import release

COURSE = Path(__file__).parents[2]
LABS = lab_names()
ALL = [(lab, name) for lab in LABS for name in exercises(lab)]
CALLED = [
    (lab, name) for lab, name in ALL if not issubclass(exercises(lab)[name], Artefact | Parsons)
]
ORDERS = [(lab, name) for lab, name in ALL if issubclass(exercises(lab)[name], Parsons)]


def recorded(exercise: type[Exercise]) -> type[Exercise]:
    """As it is read from a file."""
    return _exercise(json.loads(json.dumps(record(exercise))))


@pytest.mark.parametrize(("lab", "name"), CALLED)
def test_right_and_wrong_are_told_as_by_the_exercise(lab, name):
    exercise = exercises(lab)[name]
    again = recorded(exercise)
    assert again.tried(exercise.right, 0).status == "pass"
    for function in exercise.misconceptions.values():
        verdict = again.tried(function, 0)
        assert (verdict.status, verdict.sentence) == ("wrong", function.misconception)

    def blank(*args):
        raise NotImplementedError

    if exercise.is_called and not isinstance(exercise.right, type):
        assert again.tried(blank, 0).misconception == "blank"


def test_a_failure_is_a_call_that_can_be_pasted_here_too():
    exercise = exercises("lab01")["fit_prompt"]
    said = recorded(exercise).tried(lambda *args: [len(args[1])], 0).sentence
    assert "fit_prompt(system=" in said and "count=lambda messages:" in said


@pytest.mark.parametrize(("lab", "name"), ORDERS)
def test_orders_are_known_by_hash_alone(lab, name):
    exercise = exercises(lab)[name]
    about = record(exercise)
    assert exercise.right_order not in json.dumps(about)
    again = recorded(exercise)
    assert again.tried(lambda: exercise.right_order, 0).status == "pass"
    assert again.tried(lambda: list(exercise.right_order), 0).status == "pass"
    wrong = again.tried(lambda: exercise.right_order[::-1], 0)
    assert wrong.status == "wrong" and exercise.right_order not in wrong.sentence
    assert again.tried(lambda: exercise.right_order[:-1], 0).misconception == "form"
    raised = again.judge(0).verdict([Raised(("KeyError", "Exception"), "x")])
    assert raised.status == "student error" and exercise.right_order not in raised.sentence


def test_a_file_is_measured_on_recorded_cases():
    (name,) = [n for n, e in exercises("lab05").items() if issubclass(e, Artefact)]
    exercise = exercises("lab05")[name]
    again = recorded(exercise)
    cases = again.judge(1).cases
    assert len(cases) == exercise.n_draws
    replies = {"changes": True, "replies": [case.right for case in cases]}
    assert again.judge(1).verdict([replies]).status == "pass"


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("students") / "course"
    release(COURSE, target)
    return target


def test_no_file_of_the_copy_holds_a_right_answer(copy):
    files = [path for path in copy.rglob("*") if path.is_file()]
    names = {path.relative_to(copy).as_posix() for path in files}
    assert not any(name.startswith(("solutions/", "tests/", "benchmarks/")) for name in names)
    assert not any("grading/labs/" in name for name in names)
    texts = "".join(p.read_text() for p in files if p.suffix in (".py", ".json", ".ipynb", ".md"))
    for lab, name in CALLED:
        for function in exercises(lab)[name].misconceptions.values():
            assert f"@wrong({function.misconception!r})" not in texts
    notebooks = "".join(path.read_text() for path in files if path.suffix == ".ipynb")
    assert "BEGIN SOLUTION" not in notebooks
    orders = [exercises(lab)[name].right_order for lab, name in ORDERS]
    assert not [order for order in orders if order in texts]
    for lesson in (copy / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(lesson, nbformat.NO_CONVERT).cells
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def in_copy(copy: Path, *words: str) -> subprocess.CompletedProcess:
    code = "import sys; from adaptlab.cli import main; main()"
    command = [sys.executable, "-c", code, *words]
    path = {"PYTHONPATH": str(copy / "src"), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=copy, env=path, capture_output=True, text=True)


def test_a_check_in_the_copy_uses_what_was_recorded(copy):
    code = (
        "from adaptlab.grading import check\n"
        "print(check.lab04.same_strength(lambda a, r, n, s: a * (n / r) ** (0.5 if s else 1)))\n"
        "check.lab04.same_strength(lambda a, r, n, s: a * n / r)"
    )
    path = {"PYTHONPATH": str(copy / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy, env=path, capture_output=True, text=True
    )
    assert done.stdout.startswith("✓ same_strength")
    assert "NotYet: same_strength: " in done.stderr


def test_grading_is_refused_in_the_copy(copy):
    done = in_copy(copy, "grade", "run", "labs", "--lab", "04", "--out", "marks")
    assert done.returncode == 2 and "students' copy" in done.stderr


def a_course(folder: Path) -> Path:
    """A course that an instructor has worked in: a copy with answers stands beside its lab."""
    for part in ("labs", "solutions", "notebooks", "src"):
        (folder / part).mkdir(parents=True)
    for name in ("LICENSE", "environment.yml", "pyproject.toml", "requirements.lock", ".gitignore"):
        (folder / name).write_text("")
    (folder / "setup.mk").write_text("")
    for name in ("solutions/lab04_lora.py", "labs/lab04_lora.ipynb"):
        shutil.copyfile(COURSE / name, folder / name)
    answers = solved(COURSE / "solutions" / "lab04_lora.py", COURSE / "labs" / "lab04_lora.ipynb")
    (folder / "labs" / "lab04_lora-Copy1.ipynb").write_bytes(answers)
    return folder


def test_an_instructors_own_copy_of_a_lab_is_given_to_nobody(tmp_path):
    release(a_course(tmp_path / "course"), tmp_path / "students")
    assert [path.name for path in (tmp_path / "students" / "labs").iterdir()] == [
        "lab04_lora.ipynb"
    ]
    released = labs_of(tmp_path / "students")
    shutil.copyfile(released[0], tmp_path / "students" / "labs" / "lab04_lora-Copy1.ipynb")
    assert labs_of(tmp_path / "students") == released, "a student's copy is no lab either"


@pytest.mark.parametrize("place", ["course", "students"])
def test_a_copy_beside_a_lab_stands_in_nobodys_way(tmp_path, place):
    course = a_course(tmp_path / "course")
    release(course, tmp_path / "students")
    copied = tmp_path / place / "labs" / "lab04_mine.ipynb"
    copied.write_bytes((course / "labs" / "lab04_lora-Copy1.ipynb").read_bytes())
    assert read_lab_named(tmp_path / place, "04")[0].name == "lab04_lora"


def test_a_folder_without_labs_is_told_as_such(tmp_path):
    with pytest.raises(AdaptLabError, match="Run this in the course folder"):
        read_lab_named(tmp_path, "04")


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_a_lab_is_checked_in_the_copy_as_it_is_graded(copy):
    lab = COURSE / "labs" / "lab04_lora.ipynb"
    (copy / "labs" / "mine_lab04.ipynb").write_bytes(
        solved(COURSE / "solutions" / "lab04_lora.py", lab)
    )
    done = in_copy(copy, "labs", "check", "labs/mine_lab04.ipynb")
    assert "same_strength: pass" in done.stdout, done.stdout + done.stderr
    assert "wrong" not in done.stdout


def test_a_release_is_made_anew_in_its_folder(tmp_path, copy):
    (copy / ".git").mkdir()
    (copy / "notes.txt").write_text("an instructor's")
    listed = json.loads((copy / RELEASED).read_text())
    (copy / "labs" / "lab99_gone.ipynb").write_text("{}")
    (copy / RELEASED).write_text(json.dumps([*listed, "labs/lab99_gone.ipynb", "../outside"]))
    release(COURSE, copy)
    assert not (copy / "labs" / "lab99_gone.ipynb").exists()
    assert (copy / "notes.txt").exists() and (copy / ".git").exists()
    assert json.loads((copy / RELEASED).read_text()) == listed
    (tmp_path / "mine").write_text("x")
    with pytest.raises(AdaptLabError, match="not an empty folder or an earlier release"):
        release(COURSE, tmp_path)
