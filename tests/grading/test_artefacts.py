"""Files that are handed in beside a notebook: trained weights get what they earned, a file that is
none is a sentence, and no other exercise pays for it.
"""

import io
import json
import os
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from grading.conftest import answer_cell, as_notebook, check_cell, code_cell
from grading.test_intake import Canary, archive
from safetensors.torch import load, save
from typer.testing import CliRunner

from adaptlab.cli.labs import labs_app
from adaptlab.errors import AdaptLabError
from adaptlab.grading.batch import grade_all
from adaptlab.grading.check import NotYet, run_check
from adaptlab.grading.exercises import exercises, files_of
from adaptlab.grading.grade import GradingRun, Mark, grade, judge_of
from adaptlab.grading.notebook import code_to_run, read_cells, read_lab
from adaptlab.grading.records.feedback import misconceptions
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.records.sheet import Sheet
from adaptlab.grading.sandbox.box import BoxError
from adaptlab.grading.submissions.find import find_submissions, without_notebook
from adaptlab.grading.submissions.submission import Beside, Submission
from adaptlab.grading.submissions.taken import wanted_name
from adaptlab.grading.worker_pool import processes
from adaptlab.lora.adapter import inject
from adaptlab.lora.adapter_file import form, read_adapter, save_adapter
from adaptlab.models.local import LocalChat
from adaptlab.world.house import DESKS

LAB = "lab05_fine_tuning"
FILE = "lab05_adapter.safetensors"
WANTED = {FILE: 2**20}
ORDER = "def step_order():\n    return 'FDAEGBHC'"
EXERCISE = exercises("lab05")["adapter"]


def cells(trains: str = "raise SystemExit('the grader runs this')") -> list[dict]:
    made = [answer_cell("step_order", ORDER), check_cell("step_order")]
    return [
        *made,
        answer_cell("adapter", f"adapter = {FILE!r}\n{trains}"),
        check_cell("adapter"),
        code_cell("judged(tuned)"),
    ]


NOTEBOOK = as_notebook(cells())


@pytest.fixture(scope="module")
def short():
    return read_lab(as_notebook(cells("raise NotImplementedError()")), LAB)


@pytest.fixture(scope="module")
def graded(short, grader, box_level):
    """What a notebook gets with a file beside it, or with what intake made of one."""

    def graded_with(file: bytes | Beside | None, notebook: bytes = NOTEBOOK) -> dict:
        beside = () if file is None else (file if isinstance(file, Beside) else Beside(FILE, file),)
        done = grade(
            GradingRun(short, grader.harness, box_level, secret=11),
            Submission("student", notebook, "file", "", beside=beside),
        )
        return {mark.exercise: mark for mark in done.marks}

    return graded_with


@pytest.fixture(scope="module")
def shapes() -> dict:
    return form(LocalChat("embedded:mini-chat").model, 4)


@pytest.fixture(scope="module")
def fresh(shapes) -> dict[str, torch.Tensor]:
    """An adapter as it is before the first step."""
    return {
        name: torch.zeros(shape) if name.endswith(".b") else torch.full(shape, 0.1)
        for name, shape in shapes.items()
    }


def packed(header: dict | bytes, data: bytes, size: int | None = None) -> bytes:
    """A file with this list of tensors."""
    said = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(said) if size is None else size).to_bytes(8, "little") + said + data


def parts(content: bytes) -> tuple[dict, bytes]:
    """The list of tensors of a sound file, and its data."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def torch_saved(tensors: dict) -> bytes:
    made = io.BytesIO()
    torch.save(tensors, made)
    return made.getvalue()


class Opened:
    """Unpickled, it would be told by its error."""

    def __reduce__(self):
        return eval, ("1/0",)


# By name: the file's bytes from the tensors of a sound one, and a piece of what is said of it.
HOSTILE = {
    "a pickle": (lambda good: pickle.dumps(Opened()), "pickle"),
    "a checkpoint of torch.save": (torch_saved, "pickle"),
    "an archive": (lambda good: archive({FILE: save(good)}), "pickle"),
    "empty": (lambda good: b"", "empty"),
    "a few bytes": (lambda good: b"\x01\x00\x00", "empty"),
    "text": (lambda good: b"my adapter is very good", "no safetensors"),
    "cut off": (lambda good: save(good)[:-100], "does not fit"),
    "cut off in the list": (lambda good: save(good)[:500], "cut off"),
    "a list without end": (lambda good: packed(b"{}", b"", 2**62), "cut off or damaged"),
    "a list of a megabyte": (
        lambda good: packed(b'{"' + b"x" * 2**19 + b'": 1}', b""),
        "cut off or damaged",
    ),
    "a deep list": (lambda good: packed(b'{"a": ' + b"[" * 60_000, b""), "cannot be read"),
    "a list of other letters": (lambda good: packed(b'{"\xff": 1}', b""), "cannot be read"),
    "a number of many digits": (
        lambda good: packed(b'{"a": ' + b"9" * 60_000 + b"}", b""),
        "cannot be read",
    ),
    "names twice": (lambda good: packed(b'{"a": 1, "a": 1}', b""), "twice"),
    "not a number": (
        lambda good: save(good | {first(good): torch.full_like(good[first(good)], float("nan"))}),
        "not finite",
    ),
    "endless": (
        lambda good: save(good | {first(good): torch.full_like(good[first(good)], float("inf"))}),
        "not finite",
    ),
    "half precision": (
        lambda good: save({name: one.half() for name, one in good.items()}),
        "'F16' and should be 'F32'",
    ),
    "whole numbers": (
        lambda good: save({name: one.int() for name, one in good.items()}),
        "'I32' and should be 'F32'",
    ),
    "names of PEFT": (
        lambda good: save({f"base_model.model.{name}": one for name, one in good.items()}),
        "lacks",
    ),
    "a tensor too many": (
        lambda good: save(good | {"../../etc/passwd": torch.zeros(1)}),
        "does not belong",
    ),
    "a tensor too few": (
        lambda good: save({name: one for name, one in good.items() if name != first(good)}),
        "lacks",
    ),
    "the whole model": (lambda good: save({"model.embed_tokens.weight": torch.zeros(9)}), "lacks"),
    "transposed": (
        lambda good: save({name: one.T.contiguous() for name, one in good.items()}),
        "transposed",
    ),
    "another rank": (
        lambda good: save(
            {name: torch.cat([one, one], int(name.endswith(".b"))) for name, one in good.items()}
        ),
        "its rank is 8",
    ),
    "another size": (
        lambda good: save({name: torch.zeros(4, 4) for name in good}),
        "has the shape",
    ),
    "A and B swapped": (
        lambda good: save({name: good[name[:-1] + "ba"[name.endswith("b")]] for name in good}),
        "has the shape",
    ),
    "overlapping": (
        lambda good: moved(
            save(good), lambda one, first: one | {"data_offsets": first["data_offsets"]}
        ),
        "does not fit",
    ),
    "past the end": (
        lambda good: moved(save(good), lambda one, _: one | {"data_offsets": [10**9, 10**9 + 16]}),
        "does not fit",
    ),
    "negative": (
        lambda good: moved(save(good), lambda one, _: one | {"data_offsets": [-16, 0]}),
        "does not fit",
    ),
    "a shape that is text": (
        lambda good: moved(save(good), lambda one, _: one | {"shape": "(4, 128)"}),
        "has the shape",
    ),
    "a tensor that is a list": (
        lambda good: moved(save(good), lambda one, _: [one]),
        "should be 'F32'",
    ),
    "with something behind it": (lambda good: save(good) + b"#!/bin/sh", "does not fit"),
}


def first(tensors: dict) -> str:
    return next(iter(tensors))


def moved(content: bytes, change) -> bytes:
    """A sound file in whose list the last tensor says something else."""
    header, data = parts(content)
    names = [name for name in header if name != "__metadata__"]
    header[names[-1]] = change(header[names[-1]], header[names[0]])
    return packed(header, data)


HONEST = {
    "as it is": lambda good: save(good),
    "in another order": lambda good: in_reverse(good),
    "with notes": lambda good: save(good, {"format": "pt", "trained by": "лена"}),
    "with a longer list": lambda good: packed(
        json.dumps(parts(save(good))[0]).encode() + b" " * 800, parts(save(good))[1]
    ),
}


def in_reverse(tensors: dict[str, torch.Tensor]) -> bytes:
    """The same tensors, with data and list from the last to the first."""
    header = {}
    data = b""
    for name, one in reversed(tensors.items()):
        content = one.numpy().tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(one.shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    return packed(header, data)


def tried(tmp_path: Path, content: bytes):
    (tmp_path / FILE).write_bytes(content)
    return EXERCISE.tried(tmp_path / FILE, 3)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_such_adapter_is_invalid_with_a_sentence(tmp_path, fresh, name):
    make, says = HOSTILE[name]
    verdict = tried(tmp_path, make(fresh))
    assert (
        verdict.status == "invalid" and says in verdict.sentence and len(verdict.sentence) < 400
    ), verdict
    assert verdict.sentence.endswith(".") and "Error" not in verdict.sentence


@pytest.mark.parametrize("name", ["a pickle", "overlapping"])
def test_it_costs_no_other_exercise(graded, fresh, name):
    marks = graded(HOSTILE[name][0](fresh))
    assert (marks["adapter"].status, marks["adapter"].points, marks["step_order"].status) == (
        "invalid",
        0,
        "pass",
    ), marks


@pytest.mark.parametrize("name", HONEST)
def test_a_trained_adapter_passes_however_its_file_is_written(tmp_path, trained_adapter, name):
    verdict = tried(tmp_path, HONEST[name](load(trained_adapter)))
    assert verdict.status == "pass" and "of 300 correct" in verdict.sentence, verdict


def test_a_trained_adapter_gets_its_points_in_a_second_box(graded, trained_adapter):
    """The notebook's own cell, which trains, is not run: here it would end the box."""
    marks = graded(trained_adapter, as_notebook(cells("import os\nos._exit(0)")))
    assert [(mark.status, mark.points) for mark in marks.values()] == [
        ("pass", 2),
        ("pass", 2),
    ], marks


def test_without_its_file_an_exercise_says_what_to_hand_in(graded, short):
    marks = graded(None)
    assert (marks["adapter"].status, marks["adapter"].points, marks["step_order"].status) == (
        "student error",
        0,
        "pass",
    )
    assert FILE in marks["adapter"].sentence and "Submit it" in marks["adapter"].sentence
    assert (
        graded(None, as_notebook(cells("raise NotImplementedError()")))["adapter"].misconception
        == "blank"
    )


def test_what_a_box_cannot_do_is_no_zero(graded, short, trained_adapter, monkeypatch):
    """A grader whose own probe fails, or whose file ends the box each time, leaves the
    mark open.
    """
    monkeypatch.setattr(EXERCISE, "settings", ("embedded:none", 4, 6))
    judge_of.cache_clear()
    assert [(mark.status, mark.points) for mark in graded(trained_adapter).values()] == [
        ("pass", 2),
        ("grader error", None),
    ]
    monkeypatch.setattr("adaptlab.grading.measure._measured", ends)
    assert [(mark.status, mark.points) for mark in graded(trained_adapter).values()] == [
        ("pass", 2),
        ("needs a person", None),
    ]


def ends(*_):
    raise BoxError("crash", "the process ended by signal SIGSEGV")


def replies(says) -> dict:
    """What a probe would return: for each right desk what `says` gives."""
    judge = EXERCISE.judge(4)
    return {"changes": True, "replies": [says(case.right, i) for i, case in enumerate(judge.cases)]}


def desk(topic: str, mood: str) -> str:
    return DESKS[topic, mood]


def kind(name: str) -> tuple[str, str]:
    return next(key for key, one in DESKS.items() if one == name)


SYMPTOMS = {
    "untrained": {"changes": False, "replies": ["I do not know."] * 300},
    "no_desks": replies(lambda right, i: "positive"),
    "one_desk": replies(lambda right, i: "Otter"),
    "topics_alone": replies(lambda right, i: desk(kind(right)[0], "positive")),
    "moods_alone": replies(lambda right, i: desk("price", kind(right)[1])),
    "begun": replies(
        lambda right, i: (
            right
            if i % 3 == 0
            else desk("price" if i % 2 else "quality", "positive" if i % 4 else "negative")
        )
    ),
    "": replies(
        lambda right, i: right if i % 5 else desk("price" if i % 2 else "quality", kind(right)[1])
    ),
}


@pytest.mark.parametrize("name", SYMPTOMS)
def test_what_was_learned_instead_is_told(name):
    verdict = EXERCISE.judge(4).verdict([SYMPTOMS[name]])
    assert (
        (verdict.status, verdict.misconception) == ("wrong", name)
        and "Measured: " in verdict.sentence
        and "n = 300" in verdict.sentence
    ), verdict
    assert set(EXERCISE.symptoms) == set(SYMPTOMS) - {""}


def test_the_bar_is_where_the_lab_says_and_a_close_share_is_told():
    judge = EXERCISE.judge(4)
    at, below = (
        judge.verdict([replies(lambda right, i, n=n: right if i < n else "no desk")])
        for n in (270, 269)
    )
    assert (at.status, below.status) == (
        "pass",
        "wrong",
    ) and "might be below" in at.sentence
    assert "might" not in judge.verdict([replies(lambda right, i: right)]).sentence


def test_an_untrained_adapter_is_told_and_other_graders_ask_other_cases(tmp_path, fresh):
    assert tried(tmp_path, save(fresh)).misconception == "untrained"
    assert (
        tried(
            tmp_path, save({name: torch.full_like(one, 3e38) for name, one in fresh.items()})
        ).status
        == "wrong"
    )
    assert (
        EXERCISE.judge(1).cases != EXERCISE.judge(2).cases
        and EXERCISE.judge(1).cases == EXERCISE.judge(1).cases
    )


def test_a_check_beside_the_exercise_says_what_is_missing(tmp_path, trained_adapter):
    path = tmp_path / FILE
    for answer, says in (
        (tmp_path / "mine.safetensors", "under this name"),
        (EXERCISE, "is not the path"),
        (path, "Run the cell that saves it"),
    ):
        with pytest.raises(NotYet, match=says):
            run_check(EXERCISE, answer)
    path.write_bytes(bytes(2**20 + 1))
    with pytest.raises(NotYet, match="more than 1 MB"):
        run_check(EXERCISE, path)
    path.write_bytes(trained_adapter)
    assert str(run_check(EXERCISE, str(path))).startswith("✓ adapter: The file passes.")


@pytest.mark.parametrize(
    ("name", "is_it"),
    [
        (FILE, True),
        (FILE.upper(), True),
        ("jane_" + FILE, True),
        ("doejane_4711_99_lab05_adapter-1.safetensors", True),
        ("lab05_adapter (1).safetensors", True),
        ("lab05_adapter(2).safetensors", True),
        ("lab05_adapter.safetensors.pkl", False),
        ("lab05_adapter.pt", False),
        ("lab05_adapter2.safetensors", False),
        ("mylab05_adapter.safetensors", False),
        ("model.safetensors", False),
        ("lab05_adapterXsafetensors", False),
    ],
)
def test_only_a_file_of_that_name_is_taken(name, is_it):
    assert bool(wanted_name(name, WANTED)) is is_it


def taken(place: Path) -> dict:
    return {
        one.student: (one.content, [(file.name, file.content, file.fault) for file in one.beside])
        for one in find_submissions(place, LAB, WANTED)
    }


def test_every_platform_s_way_of_handing_in_two_files(tmp_path):
    both = (NOTEBOOK, [(FILE, b"weights", "")])
    inner = archive(
        {
            "work/lab05_fine_tuning.ipynb": NOTEBOOK,
            "work/" + FILE: b"weights",
            "work/model.pt": b"x",
        }
    )
    canvas = {
        "doejane_4711_99_lab05_fine_tuning.ipynb": NOTEBOOK,
        "doejane_4711_100_lab05_adapter-1.safetensors": b"weights",
        "joe_LATE_5_6_lab05.ipynb": NOTEBOOK,
        "joe_LATE_5_7_LAB05_Adapter.safetensors": b"weights",
        "kim_7_8_lab05.zip": inner,
    }
    (tmp_path / "submissions.zip").write_bytes(archive(canvas))
    assert taken(tmp_path / "submissions.zip") == dict.fromkeys(
        ("doejane_4711", "joe_5", "kim_7"), both
    )
    folders = {
        "jane": "Jane Doe_4711_assignsubmission_file_",
        "jim": "submission_31",
        "ann": "submitted/ann/lab05_fine_tuning",
    }
    for folder in folders.values():
        (tmp_path / "class" / folder).mkdir(parents=True)
        (tmp_path / "class" / folder / "lab05_fine_tuning.ipynb").write_bytes(NOTEBOOK)
        (tmp_path / "class" / folder / FILE).write_bytes(b"weights")
    (tmp_path / "class/bob_lab05.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "class" / f"bob_{FILE}").write_bytes(b"weights")
    (tmp_path / "class/lee.zip").write_bytes(inner)
    assert taken(tmp_path / "class") == dict.fromkeys(
        ("Jane Doe_4711", "submission_31", "ann", "bob", "lee"), both
    )
    assert taken(tmp_path / "class/bob_lab05.ipynb") == {"bob": both}
    (tmp_path / "lee_lab05.zip").write_bytes(
        archive({"lab05_fine_tuning.ipynb": NOTEBOOK, FILE: b"weights"})
    )
    assert taken(tmp_path / "lee_lab05.zip") == {"lee": both}


def test_a_student_s_own_folder_and_a_file_that_may_be_anybody_s(tmp_path):
    (tmp_path / "lab05_fine_tuning.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "lab04_lora.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / FILE).write_bytes(b"weights")
    for place in (tmp_path, tmp_path / "lab05_fine_tuning.ipynb"):
        assert [beside for _, beside in taken(place).values()] == [[(FILE, b"weights", "")]]
    assert without_notebook(tmp_path, LAB, find_submissions(tmp_path, LAB, WANTED)) == []
    (tmp_path / "lab05_fine_tuning.ipynb").rename(tmp_path / "jane_lab05.ipynb")
    (tmp_path / "joe_lab05.ipynb").write_bytes(NOTEBOOK)
    for place in (tmp_path, tmp_path / "jane_lab05.ipynb"):
        assert {len(beside) for _, beside in taken(place).values()} == {0}
    assert without_notebook(tmp_path, LAB, find_submissions(tmp_path, LAB, WANTED)) == [FILE]


def test_what_is_no_ordinary_file_of_that_name_is_said_and_the_notebook_is_kept(tmp_path):
    (tmp_path / "secret").write_text("x")
    for name in ("link", "pipe", "folder", "huge", "two", "same", "numbered"):
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / "lab05_fine_tuning.ipynb").write_bytes(NOTEBOOK)
    at = {folder.name: folder / FILE for folder in (tmp_path / "class").iterdir()}
    at["link"].symlink_to(tmp_path / "secret")
    os.mkfifo(at["pipe"])
    at["folder"].mkdir()
    at["huge"].write_bytes(bytes(2**20 + 1))
    for name, other, content in (
        ("two", f"x_{FILE}", b"2"),
        ("same", f"x_{FILE}", b"1"),
        ("numbered", "lab05_adapter-1.safetensors", b"2"),
    ):
        at[name].write_bytes(b"1")
        at[name].with_name(other).write_bytes(content)
    files = {
        "link_in_zip": archive({FILE: b"/etc/passwd"}, 0o120777),
        "out_of_zip": archive({"../" + FILE: b"1"}),
        "bomb": archive({FILE: bytes(50 * 2**20)}),
    }
    for name, content in files.items():
        made = io.BytesIO(content)
        with zipfile.ZipFile(made, "a") as file:
            file.writestr("lab05_fine_tuning.ipynb", NOTEBOOK)
        (tmp_path / "class" / f"{name}.zip").write_bytes(made.getvalue())
    found = taken(tmp_path / "class")
    assert {content for content, _ in found.values()} == {NOTEBOOK} and len(found) == 10
    says = {
        "link": "is a link",
        "pipe": "not a regular file",
        "huge": "more than 1 MB",
        "two": "different files",
        "link_in_zip": "not a regular file",
        "out_of_zip": "points outside",
        "bomb": "more than 1 MB",
    }
    for name, said in says.items():
        ((_, content, fault),) = found[name][1]
        assert said in fault and content == b"" and fault.endswith("."), (name, fault)
    assert found["folder"][1] == [] and found["same"][1] == found["numbered"][1] == [
        (FILE, b"1", "")
    ]


def test_a_file_that_is_not_wanted_is_not_opened(tmp_path):
    canary = tmp_path / "canary"
    (tmp_path / "class/jane").mkdir(parents=True)
    (tmp_path / "class/jane/lab04_lora.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "class/jane" / FILE).write_bytes(pickle.dumps(Canary(canary)))
    assert files_of("lab04_lora") == {} and files_of(LAB) == WANTED
    assert [
        one.beside
        for one in find_submissions(tmp_path / "class", "lab04_lora", files_of("lab04_lora"))
    ] == [()]
    assert not canary.exists()


def test_a_fault_of_intake_is_the_exercise_s_own(graded):
    marks = graded(Beside(FILE, b"", "It is a link."))
    assert (marks["adapter"].status, marks["adapter"].sentence, marks["step_order"].points) == (
        "invalid",
        "It is a link.",
        2,
    )


def test_another_file_beside_the_same_notebook_is_graded_anew(tmp_path, short, box_level):
    ledger = Ledger(tmp_path / "marks.db")
    one = Submission("jane", NOTEBOOK, "file", "")
    others = [
        replace(one, beside=(Beside(FILE, content, fault),))
        for content, fault in ((b"", "It is a link."), (b"", ""), (b"1", ""))
    ]
    assert len({two.digest for two in (one, *others)}) == 4
    assert [
        grade_all([one, others[0]], short, "grader", ledger, processes(1)) for _ in range(2)
    ] == [2, 0]
    assert [(mark.exercise, mark.status) for mark in ledger.sheets(LAB)[0].marks] == [
        ("step_order", "pass"),
        ("adapter", "invalid"),
    ]
    ledger.decide("jane", LAB, "adapter", 1, "nearly", "Dr. No")
    assert ledger.sheets(LAB)[0].points == 3


def test_what_is_believed_alike_is_counted_as_one_whatever_was_measured():
    verdicts = [
        EXERCISE.judge(4).verdict(
            [{"changes": True, "replies": ["Otter"] * 300 if i else ["Lynx"] * 299 + ["Otter"]}]
        )
        for i in range(2)
    ]
    marks = [Mark("adapter", one.status, 0, 2, one.sentence, one.misconception) for one in verdicts]
    assert marks[0].sentence != marks[1].sentence
    (found,) = misconceptions(
        [Sheet(student, LAB, "", "", "", [mark]) for student, mark in zip("ab", marks)]
    )
    assert found[::2] == ("adapter", 2) and found[1].endswith(".") and "Measured" not in found[1]


def test_the_cell_that_trains_runs_in_a_whole_run_alone(short):
    made = read_cells(NOTEBOOK)
    assert [cell.name for cell in code_to_run(short, made, files=["adapter"])] == ["step_order", ""]
    assert [
        cell.name for cell in code_to_run(short, made, experiments=True, files=["adapter"])
    ] == ["step_order", "adapter", ""]


def test_adapters_of_the_course_s_own_layers_are_saved_as_peft_s_are(tmp_path, trained_adapter):
    model = LocalChat("embedded:mini-chat").model
    with pytest.raises(AdaptLabError, match="no adapter to save"):
        save_adapter(model, tmp_path / FILE)
    layers = inject(model, 4, alpha=8)
    for layer in layers.values():
        torch.nn.init.normal_(layer.b)
    save_adapter(model, tmp_path / FILE)
    saved = read_adapter(
        (tmp_path / FILE).read_bytes(),
        {name: tuple(one.shape) for name, one in load(trained_adapter).items()},
    )
    for name, layer in layers.items():
        assert torch.allclose(saved[f"{name}.b"] @ saved[f"{name}.a"], layer.delta(), atol=1e-5)


def test_a_student_s_own_check_of_the_whole_reads_the_file_beside(
    tmp_path, trained_adapter, box_level
):
    """It runs the cell that trains, too, as a restart would."""
    for folder, content in (
        ("labs", as_notebook(cells("raise NotImplementedError()"))),
        ("mine", as_notebook(cells("tuned = judged = len"))),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "lab05_fine_tuning.ipynb").write_bytes(content)
    (tmp_path / "mine" / FILE).write_bytes(trained_adapter)
    done = CliRunner().invoke(
        labs_app,
        ["check", str(tmp_path / "mine/lab05_fine_tuning.ipynb"), "--folder", str(tmp_path)],
    )
    assert (
        "adapter: pass. The file passes." in done.output
        and "4 points" in done.output
        and "raises TypeError" in done.output
    )
