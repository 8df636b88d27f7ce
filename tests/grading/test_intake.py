"""What instructors have is taken apart by student, and what is hostile in it is a sentence on that
student's sheet alone.
"""

import os
import pickle
from pathlib import Path, PurePosixPath

import pytest
from grading.conftest import archive, as_notebook, cells

from adaptlab.errors import AdaptLabError
from adaptlab.grading.submissions.find import find_submissions, without_notebook
from adaptlab.grading.submissions.naming import student_of

GOOD = as_notebook(cells())


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("doejane_4711_99_lab04_lora.ipynb", "doejane_4711"),
        ("doejane_LATE_4711_99_lab04_lora.ipynb", "doejane_4711"),
        ("Jane Doe_4711_assignsubmission_file_/lab04_lora.ipynb", "Jane Doe_4711"),
        ("submission_31/lab04_lora.ipynb", "submission_31"),
        ("submitted/jane/lab04_lora/lab04_lora.ipynb", "jane"),
        ("jane/lab04_lora.ipynb", "jane"),
        ("jane-lab04.ipynb", "jane"),
        ("лена/lab04_lora.ipynb", "лена"),
        ("ja\u202ene/lab04_lora.ipynb", "jane"),
        ("a\x1b]52;c;x\x07/lab04_lora.ipynb", "a]52;c;x"),
    ],
)
def test_students_are_named_as_platforms_write_them(path, student):
    assert student_of(PurePosixPath(path), "lab04_lora") == student


def test_a_folder_with_everything(tmp_path):
    for name in (
        "jane/lab04_lora.ipynb",
        "joe_5_6_lab04_lora.ipynb",
        "jane/lab03_other.ipynb",
        "twice/lab04_a.ipynb",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(GOOD)
    (tmp_path / "twice/lab04_b.ipynb").write_bytes(GOOD + b" ")
    (tmp_path / "zipped.zip").write_bytes(archive({"x/lab04_lora.ipynb": GOOD}))
    (tmp_path / "secret").write_text("x")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/lab04_lora.ipynb").symlink_to(tmp_path / "secret")
    (tmp_path / "piped").mkdir()
    os.mkfifo(tmp_path / "piped/lab04_lora.ipynb")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = {one.student: one for one in find_submissions(tmp_path, "lab04_lora")}
    assert set(found) == {"jane", "joe_5", "twice", "zipped", "linked", "piped"}
    assert all(
        found[name].content == GOOD and not found[name].fault
        for name in ("jane", "joe_5", "zipped")
    )
    assert (
        "2 notebooks" in found["twice"].fault
        and "is a link" in found["linked"].fault
        and "not a regular file" in found["piped"].fault
    )


def test_an_export_is_one_archive_of_all_under_whatever_name(tmp_path):
    """As Canvas makes it, flat, with a student's own zip in it; and inside an archive of a student
    no name is another student's.
    """
    inner = archive(
        {
            "joe_5_6_lab04_lora.ipynb": GOOD,
            "Joe Doe_5_assignsubmission_file_/lab04_lora.ipynb": GOOD,
        }
    )
    entries = {
        "jane_1_2_lab04_lora.ipynb": GOOD,
        "joe_LATE_5_6_lab04_lora-1.ipynb": GOOD,
        "kim_7_8_lab04.zip": inner,
        "lee_9_1_lab04.py": b"",
    }
    (tmp_path / "submissions (1).zip").write_bytes(archive(entries))
    found = find_submissions(tmp_path / "submissions (1).zip", "lab04_lora")
    assert [(one.student, one.fault) for one in found] == [
        ("jane_1", ""),
        ("joe_5", ""),
        ("kim_7", ""),
    ]
    assert without_notebook(tmp_path / "submissions (1).zip", "lab04_lora", found) == [
        "lee_9_1_lab04.py"
    ]
    (tmp_path / "class").mkdir()
    (tmp_path / "class/kim_lab04.zip").write_bytes(inner)
    (tmp_path / "class/lee_lab04.py").write_text("")
    (tmp_path / "class/joe_lab04.ipynb").write_bytes(GOOD)
    found = find_submissions(tmp_path / "class", "lab04_lora")
    assert [one.student for one in found] == ["joe", "kim"] and without_notebook(
        tmp_path / "class", "lab04_lora", found
    ) == ["lee_lab04.py"]
    (tmp_path / "jane_lab04.zip").write_bytes(archive({"lab04_lora.ipynb": GOOD}))
    assert [one.student for one in find_submissions(tmp_path / "jane_lab04.zip", "lab04_lora")] == [
        "jane"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "../lab04_lora.ipynb",
        "/etc/lab04_lora.ipynb",
        "C:\\lab04_lora.ipynb",
        "a\\..\\lab04_lora.ipynb",
        "con/lab04_lora.ipynb",
        "a./lab04_lora.ipynb",
        "x" * 250 + "/lab04_lora.ipynb",
        "a\u202e/lab04_lora.ipynb",
        "aux.lab04.ipynb",
    ],
)
def test_names_that_are_another_on_some_machine_are_not_taken(tmp_path, name):
    (tmp_path / "jane.zip").write_bytes(archive({name: GOOD}))
    (one,) = find_submissions(tmp_path / "jane.zip", "lab04_lora")
    assert one.fault.endswith("Submit the notebook itself.") and one.content == b""


def test_a_link_in_an_archive_is_not_taken(tmp_path):
    (tmp_path / "jane.zip").write_bytes(
        archive({"lab04_lora.ipynb": b"/etc/passwd"}, mode=0o120777)
    )
    assert "not a regular file" in find_submissions(tmp_path / "jane.zip", "lab04_lora")[0].fault


def test_an_archive_that_swells_is_stopped(tmp_path):
    (tmp_path / "jane.zip").write_bytes(archive({"lab04_lora.ipynb": bytes(300 * 2**20)}))
    assert "more than 20 MB" in find_submissions(tmp_path / "jane.zip", "lab04_lora")[0].fault


def test_a_broken_archive_is_a_sentence(tmp_path):
    content = archive({"lab04_lora.ipynb": GOOD})
    for i, broken in enumerate(
        (content[:-30], b"PK", b"", content[:40] + b"\0" * 20 + content[60:])
    ):
        (tmp_path / f"s{i}.zip").write_bytes(broken)
        assert "broken" in find_submissions(tmp_path / f"s{i}.zip", "lab04_lora")[0].fault


def test_a_place_without_submissions_is_refused(tmp_path):
    for place, says in ((tmp_path / "nowhere", "does not exist"), (tmp_path, "holds no notebook")):
        with pytest.raises(AdaptLabError, match=says):
            find_submissions(Path(place), "lab04_lora")


class Canary:
    """Unpickled, it leaves a file."""

    def __init__(self, place: Path):
        self.place = place

    def __reduce__(self):
        return Path.touch, (self.place,)


def test_what_lies_beside_a_notebook_is_never_opened(tmp_path):
    """Weights, indexes, arrays and checkpoints: a submission is its notebook, and no file of
    another kind is read.
    """
    canary = tmp_path / "canary"
    loaded = pickle.dumps(Canary(canary))
    pickle.loads(loaded)
    assert canary.exists(), "the bait works"
    canary.unlink()
    names = (
        "model.pt",
        "pytorch_model.bin",
        "weights.ckpt",
        "index.pkl",
        "model.joblib",
        "checkpoint-9/rng_state.pth",
        "checkpoint-9/training_args.bin",
    )
    header = (2**62).to_bytes(8, "little")
    beside = dict.fromkeys(names, loaded) | {
        "vectors.npy": b"\x93NUMPY\x01\x00" + loaded,
        "model.safetensors": header + b"{}",
        "vectors.faiss": b"IxFI" + header * 9,
        "config.json": b'{"auto_map": {"AutoModel": "evil.Model"}}',
        "evil.py": b"raise SystemExit",
        "sitecustomize.py": b"raise SystemExit",
    }
    for name, content in beside.items():
        path = tmp_path / "class/jane" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "class/jane/lab04_lora.ipynb").write_bytes(GOOD)
    (tmp_path / "class/joe.zip").write_bytes(archive(beside | {"lab04_lora.ipynb": GOOD}))
    found = find_submissions(tmp_path / "class", "lab04_lora")
    assert [(one.student, one.content, one.fault) for one in found] == [
        ("jane", GOOD, ""),
        ("joe", GOOD, ""),
    ]
    assert not canary.exists()


def test_a_single_file_that_is_no_notebook_is_refused(tmp_path):
    (tmp_path / "rows.jsonl").touch()
    with pytest.raises(AdaptLabError, match="rows.jsonl is not a notebook"):
        find_submissions(tmp_path / "rows.jsonl", "lab04")
