"""Every platform's export is taken apart by student: nobody merges with another, or vanishes."""

import json
import time
from pathlib import Path, PurePosixPath

import pytest
from grading.conftest import archive, as_notebook, cells

from adaptlab.grading.notebook import read_lab
from adaptlab.grading.records.feedback import in_a_line
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.submissions.find import find_submissions, without_notebook
from adaptlab.grading.submissions.gradescope import METADATA
from adaptlab.grading.submissions.naming import Owner, Person, moment, owner_of
from adaptlab.grading.submissions.submission import Submission

GOOD = as_notebook(cells())
OTHER = as_notebook(cells("x = 1"))
LAB = "lab04_lora"
MOODLE = "Jane Doe_123_assignsubmission_file"
BRIGHTSPACE = "12345-67890 - Jane Doe - Nov 20, 2026 233 PM"
PERSIAN = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"  # with a joiner that is not seen


def written(root: Path, entries: dict[str, bytes]) -> Path:
    for name, content in entries.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def both_ways(tmp_path: Path, entries: dict[str, bytes]) -> list[list]:
    """What is found in an export as the one zip that it is, and unpacked."""
    (tmp_path / "submissions.zip").write_bytes(archive(entries))
    places = (tmp_path / "submissions.zip", written(tmp_path / "unpacked", entries))
    return [find_submissions(place, LAB) for place in places]


@pytest.mark.parametrize(
    ("path", "student", "number", "late"),
    [
        ("doejane_4711_99_lab04_lora.ipynb", "doejane_4711", "4711", False),
        ("doejane_LATE_4711_99_lab04_lora.ipynb", "doejane_4711", "4711", True),
        ("doejane_4711_678913_20261120_lab04.ipynb", "doejane_4711", "4711", False),
        ("team_3_12345_678913_lab04_lora.ipynb", "team_3_12345", "12345", False),
        ("team_3_LATE_12345_678913_lab04_lora.ipynb", "team_3_12345", "12345", True),
        ("anon_Xw3Fd_678910_lab04_lora.ipynb", "anon_Xw3Fd", "", False),
        ("anon_Ab12C_LATE_678912_lab04_lora.ipynb", "anon_Ab12C", "", True),
        ("LATE_anon_Ab12C_678912_lab04_lora.ipynb", "anon_Ab12C", "", True),
        ("poeann_12348_text.html", "poeann_12348", "12348", False),
        ("kimlee_LATE_12347_link.html", "kimlee_12347", "12347", True),
        (f"{MOODLE}_/lab04_lora.ipynb", "Jane Doe_123", "123", None),
        (f"{MOODLE}/answers/lab04_lora.ipynb", "Jane Doe_123", "123", None),
        (f"{MOODLE}_lab04_lora.ipynb", "Jane Doe_123", "123", None),
        ("Participant_7_assignsubmission_file_/a.ipynb", "Participant_7", "7", None),
        ("hw_1_jane_attempt_2026-11-20-14-33-05_lab04.ipynb", "jane", "jane", None),
        (f"{BRIGHTSPACE}/lab04_lora.ipynb", "Jane Doe_12345", "12345", None),
        (
            "12-3 - Anne-Marie Lee-Roe - 20 November, 2026 1433/a.ipynb",
            "Anne-Marie Lee-Roe_12",
            "12",
            None,
        ),
    ],
)
def test_a_platform_tells_who_and_whether_late(path, student, number, late):
    owner = owner_of(PurePosixPath(path), LAB)
    assert (owner.student, owner.people[0].number, owner.late) == (student, number, late)


@pytest.mark.parametrize(
    "path", ["team_3_lab04_lora.ipynb", "team_3/lab04_lora.ipynb", "submission_31/lab04_lora.ipynb"]
)
def test_a_number_that_no_platform_wrote_is_no_ones_id(path):
    assert owner_of(PurePosixPath(path), LAB).people == ()


@pytest.mark.parametrize(
    ("attempt", "hour"),
    [
        ("Nov 20, 2026 233 PM", "14:33"),
        ("Nov 20, 2026 1111 AM", "11:11"),
        ("20 November, 2026 1433", "14:33"),
        ("2026-11-20-14-33-05", "14:33"),
        ("yesterday", ""),
    ],
)
def test_times_in_names(attempt, hour, monkeypatch):
    assert moment(attempt)[11:16] == hour


STUDENTS = {"one": GOOD, "two": OTHER}
LAYOUTS = {
    "Gradescope": ("assignment_9_export/submission_7{}/labs/lab04_lora.ipynb", "submission_7{}"),
    "GitHub Classroom": ("lab04-{}/labs/lab04_lora.ipynb", "lab04-{}"),
    "folders": ("{}/homework/lab04_lora.ipynb", "{}"),
    "a folder of all": ("class/{}/lab04_lora.ipynb", "{}"),
    "a folder of files": ("class/{}_lab04_lora.ipynb", "{}"),
    "nbgrader": ("submitted/{}/lab04_lora/lab04_lora.ipynb", "{}"),
    "Canvas": ("doe{0}_4{1}_9{1}_lab04_lora.ipynb", "doe{}_4{}"),
    "Canvas, unpacked": ("submissions 2/doe{0}_4{1}_9{1}_lab04_lora.ipynb", "doe{}_4{}"),
    "Moodle": ("Jane {0}_{1}_assignsubmission_file_/lab04_lora.ipynb", "Jane {}_{}"),
    "Moodle without folders": ("Jane {0}_{1}_assignsubmission_file_lab04.ipynb", "Jane {}_{}"),
    "Blackboard": ("hw_4_{}_doe_attempt_2026-11-20-14-33-05_lab04_lora.ipynb", "{}_doe"),
    "Brightspace": ("{1}-5 - Jane {0} - Nov 20, 2026 233 PM/lab04_lora.ipynb", "Jane {}_{}"),
}


@pytest.mark.parametrize("platform", LAYOUTS)
def test_two_students_are_two(tmp_path, platform):
    path, named = LAYOUTS[platform]
    numbered = {name: number for number, name in enumerate(STUDENTS, 1)}
    entries = {path.format(name, numbered[name]): content for name, content in STUDENTS.items()}
    for found in both_ways(tmp_path, entries):
        expected = {named.format(name, numbered[name]): STUDENTS[name] for name in STUDENTS}
        assert {one.student: one.content for one in found} == expected
        assert not any(one.fault for one in found)


def test_students_of_sections_are_apart(tmp_path):
    entries = {
        "section 1/jane/lab04_lora.ipynb": GOOD,
        "section 1/joe/lab04_lora.ipynb": OTHER,
        "section 2/kim/lab04_lora.ipynb": GOOD,
    }
    for found in both_ways(tmp_path, entries):
        assert [(one.student, one.content) for one in found] == [
            ("jane", GOOD),
            ("joe", OTHER),
            ("kim", GOOD),
        ]


def test_a_student_s_folder_is_no_section(tmp_path):
    jane = f"{MOODLE}_"
    joe = "Joe Roe_4_assignsubmission_file_"
    entries = {
        f"{jane}/hw/lab04_lora.ipynb": GOOD,
        f"{jane}/old/lab04_a.ipynb": OTHER,
        f"{joe}/lab/lab04_lora.ipynb": OTHER,
    }
    for found in both_ways(tmp_path, entries):
        assert [(one.student, one.content) for one in found] == [
            ("Jane Doe_123", GOOD),
            ("Joe Roe_4", OTHER),
        ]


JUNK = {
    "checkpoints": ".ipynb_checkpoints/lab04_lora-checkpoint.ipynb",
    "a Mac's": "._lab04_lora.ipynb",
    "a Mac's folder": "__MACOSX/lab04_lora.ipynb",
    "a bin": ".Trash-1000/files/lab04_lora.ipynb",
    "a repository's": ".git/lab04_lora.ipynb",
    "a copy": "lab04_lora-Copy1.ipynb",
    "a download": "lab04_lora (1).ipynb",
    "another notebook": "Untitled.ipynb",
    "a copy by Drive": "Copy of lab04_lora.ipynb",
    "an older one": "old/lab04_lora.ipynb",
    "another lab": "lab03_better_retrieval.ipynb",
}


@pytest.mark.parametrize("what", JUNK)
def test_what_lies_about_costs_nothing(tmp_path, what):
    content = {"lab04_lora.ipynb": GOOD, JUNK[what]: OTHER}
    root = written(tmp_path / "class/jane", content).parent
    (root / "joe_1_2_hw.zip").write_bytes(archive(content))
    (root / "kim_1_2_hw.zip").write_bytes(
        archive({f"hw/{name}": file for name, file in content.items()})
    )
    found = find_submissions(root, LAB)
    assert [(one.student, one.content, one.fault) for one in found] == [
        ("jane", GOOD, ""),
        ("joe_1", GOOD, ""),
        ("kim_1", GOOD, ""),
    ]
    assert without_notebook(root, LAB, found) == []


def test_of_several_attempts_the_last_counts(tmp_path):
    form = "hw_jane_attempt_2026-11-{}-14-33-05_lab04.ipynb"
    entries = {form.format("09"): OTHER, form.format("20"): GOOD, form.format("10"): OTHER}
    brightspace = "12-3 - Joe Roe - Nov 20, 2026 {}/lab04.ipynb"
    entries |= {brightspace.format("933 AM"): OTHER, brightspace.format("1233 PM"): GOOD}
    for found in both_ways(tmp_path, entries):
        assert [(one.student, one.content) for one in found] == [
            ("Joe Roe_12", GOOD),
            ("jane", GOOD),
        ]
        assert found[1].received == moment("2026-11-20-14-33-05")


def test_a_lab_that_nobody_touched_is_not_handed_in_beside_a_copy(tmp_path):
    """A repository of GitHub Classroom's holds the lab, too, by exactly its name."""
    lab = (Path(__file__).parents[2] / "labs" / f"{LAB}.ipynb").read_bytes()
    blanks = read_lab(lab, LAB).blanks
    assert set(blanks) == {"raise NotImplementedError()", "YOUR ANSWER HERE"}
    code = lab.replace(b"raise NotImplementedError()", b"return 1", 1)
    text = lab.replace(b"YOUR ANSWER HERE", b"Forty models.")
    for i, worked in enumerate((code, text)):
        entries = {
            f"lab-04-jane/labs/{LAB}.ipynb": lab,
            f"lab-04-jane/labs/{LAB}-Copy1.ipynb": worked,
            f"lab-04-joe/labs/{LAB}.ipynb": lab,
            f"lab-04-kim/labs/{LAB}.ipynb": worked,
            f"lab-04-kim/labs/{LAB}-Copy1.ipynb": OTHER,
        }
        root = written(tmp_path / str(i), entries)
        found = find_submissions(root, LAB, blanks=blanks)
        told = {one.student: (one.content, one.unclear) for one in found}
        assert told == {
            "lab-04-jane": (worked, False),
            "lab-04-joe": (lab, False),
            "lab-04-kim": (worked, False),
        }


def test_names_of_other_tongues_and_machines_cost_nothing(tmp_path):
    entries = {
        f"{PERSIAN}_124_assignsubmission_file_/lab04_lora.ipynb": GOOD,
        "Bob Roe_125_assignsubmission_file_/lab04 10:30.ipynb": GOOD,
        "Al Con_127_assignsubmission_file_/aux.ipynb": GOOD,
        "Jo Jr._128_assignsubmission_file_/lab04_lora .ipynb": GOOD,
    }
    found = both_ways(tmp_path, entries)
    for one in (*found[0], *found[1]):
        assert (one.content, one.fault) == (GOOD, "")
    numbers = [owner_of(PurePosixPath(name), LAB).people[0].number for name in entries]
    assert {one.owner.people[0].number for one in found[0]} == set(numbers)


def test_folders_as_windows_writes_them(tmp_path):
    (tmp_path / "jane.zip").write_bytes(archive({"work\\lab04_lora.ipynb": GOOD}))
    (one,) = find_submissions(tmp_path, LAB)
    assert (one.student, one.content) == ("jane", GOOD)


@pytest.mark.parametrize(
    "name", ["lab04_lora.ipynb.txt", "lab04_lora.ipynb.json", "Lab04_LoRA.IPYNB"]
)
def test_a_notebook_as_a_browser_names_it(tmp_path, name):
    for found in both_ways(tmp_path, {f"jane/{name}": GOOD, "joe/lab04_lora.ipynb": OTHER}):
        assert [(one.student, one.content) for one in found] == [("jane", GOOD), ("joe", OTHER)]


def test_whoever_has_no_notebook_is_named_once(tmp_path):
    report = archive({"report.pdf": b"x"})
    entries = {
        "doejane_1_2_hw.zip": archive({"deep/hw.zip": archive({"lab04_lora.ipynb": GOOD})}),
        "roejohn_3_4_lab04.zip": report,
        "roejohn_3_5_notes.txt": b"",
        "kimlee_6_link.html": b"",
        "poeann_7_text.html": b"",
        "wuli_8_9_lab03_better_retrieval.ipynb": GOOD,
    }
    for place in (tmp_path / "submissions.zip", tmp_path / "unpacked"):
        both_ways(tmp_path, entries)
        found = find_submissions(place, LAB)
        assert [(one.student, one.content) for one in found] == [("doejane_1", GOOD)]
        assert without_notebook(place, LAB, found) == [
            "kimlee_6_link.html",
            "poeann_7_text.html",
            "roejohn_3_4_lab04.zip",
            "wuli_8_9_lab03_better_retrieval.ipynb",
        ]


def test_students_whose_folder_holds_no_notebook_are_named(tmp_path):
    entries = {
        "jane/lab04_lora.ipynb": GOOD,
        "joe/lab04.pdf": b"",
        "kim/a/b/notes.txt": b"",
        "index.html": b"",
        "jane/notes.txt": b"",
    }
    root = written(tmp_path / "class", entries)
    assert without_notebook(root, LAB, find_submissions(root, LAB)) == [
        "joe/lab04.pdf",
        "kim/a/b/notes.txt",
    ]


SAYS = """submission_71:
  :submitters:
  - :name: Jane Doe
    :sid: '4711'
    :email: jane@uni.example
  - :name: Joe Roe
    :sid: '4712'
    :email: joe@uni.example
  :created_at: 2026-11-20 14:33:05.000000000 Z
"""


def test_gradescope_says_who_handed_in_and_when(tmp_path):
    root = "assignment_9_export"
    entries = {
        f"{root}/{METADATA}": SAYS.encode(),
        f"{root}/submission_71/lab04_lora.ipynb": GOOD,
        f"{root}/submission_72/lab04_lora.ipynb": OTHER,
        f"{root}/submission_72/{METADATA}": SAYS.replace("71", "72").encode(),
    }
    for found in both_ways(tmp_path, entries):
        jane, other = found
        assert jane.student == "Jane Doe_4711 and Joe Roe_4712"
        assert jane.received == "2026-11-20T14:33:05+00:00"
        assert jane.owner.people == (
            Person("Jane Doe", "4711", "jane@uni.example"),
            Person("Joe Roe", "4712", "joe@uni.example"),
        )
        assert other.student == "submission_72" and other.owner.people == (), "a student's own file"


def test_a_second_submission_to_gradescope_is_the_same_student_s(tmp_path):
    found = []
    for number in (71, 99):
        says = SAYS.replace("submission_71", f"submission_{number}")
        entries = {
            METADATA: says.encode(),
            f"submission_{number}/lab04_lora.ipynb": GOOD,
            f"submission_{number}/notes.pdf": b"",
        }
        root = written(tmp_path / str(number), entries)
        found += find_submissions(root, LAB)
        assert without_notebook(root, LAB, found[-1:]) == []
    assert found[0].student == found[1].student
    assert [one.owner.place for one in found] == ["submission_71", "submission_99"]


def of_gradescope(*people: tuple[str, str, str]) -> bytes:
    """What Gradescope says of submissions of one person each, numbered from 1."""
    keys = (":name", ":sid", ":email")
    said = {
        f"submission_{i}": {":submitters": [dict(zip(keys, one))]}
        for i, one in enumerate(people, 1)
    }
    return json.dumps(said).encode()


def test_canvas_may_hide_who_it_is():
    names = (
        "anon_Xw3Fd_678910_lab04.ipynb",
        "LATE_anon_Ab12C_9_a.ipynb",
        "doejane_4711_99_a.ipynb",
        "anon_/a.ipynb",
    )
    assert [owner_of(PurePosixPath(name), LAB).is_nameless for name in names] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("people", "students"),
    [
        ([("Jane", "", "j@x.edu")], ["Jane_j@x.edu"]),
        ([("Jane", "", "")], ["submission_1"]),
        ([("../../x", "7", "")], ["..-..-x_7"]),
        ([("", "..", "")], ["submission_1"]),
        ([("Jane", "1", "a@x.edu"), ("Jane", "1", "a@x.edu")], ["Jane_1"]),
        ([("A_1", "2", ""), ("A", "1_2", "")], ["submission_1", "submission_2"]),
    ],
)
def test_who_is_called_how_by_gradescope(tmp_path, people, students):
    entries = {METADATA: of_gradescope(*people)}
    entries |= {f"submission_{i}/lab04_lora.ipynb": GOOD for i in range(1, len(people) + 1)}
    for found in both_ways(tmp_path, entries):
        assert [one.student for one in found] == students


def test_large_groups_of_gradescope_are_told_apart(tmp_path):
    people = [{":name": f"Student with a long name {i}", ":sid": str(i)} for i in range(20)]
    said = {"submission_1": {":submitters": people}, "submission_2": {":submitters": people[:19]}}
    entries = {
        METADATA: json.dumps(said).encode(),
        "submission_1/lab04_lora.ipynb": GOOD,
        "submission_2/lab04_lora.ipynb": OTHER,
    }
    for found in both_ways(tmp_path, entries):
        assert len({one.student for one in found}) == 2
        assert not any(one.unclear or len(one.student) > 90 for one in found)


def test_the_ledger_knows_people_by_number_and_address_whatever_their_name(tmp_path):
    ledger = Ledger(tmp_path / "marks.db")
    before = Owner("submission_3", "gradescope", (Person("Jane", "7", "j@x.edu"),))
    ledger.note_owners(LAB, [before, Owner("Ann_8", "moodle", (Person("Ann", "8"),))])

    def named(*people: Person) -> str:
        owner = Owner("new", "gradescope", people)
        (one,) = ledger.named_as_before(LAB, [Submission("new", GOOD, "", "", owner=owner)])
        assert one.owner.student == one.student
        return one.student

    assert named(Person("Jane Doe", "7", "j@x.edu")) == "submission_3"
    assert named(Person("Jane Doe", "7")) == named(Person("J", "", "j@x.edu")) == "submission_3"
    assert named(Person("Jane", "9", "k@x.edu")) == "new", "another of the same name"
    assert named(Person("Jane", "7"), Person("Joe", "8")) == "new", "a group is another"
    assert named(Person("Ann", "8")) == "new", "another platform's numbers"
    assert named() == "new"


def test_a_students_own_metadata_renames_nobody(tmp_path):
    forged = SAYS.replace("submission_71", "lab04-jane").encode()
    entries = {
        f"lab04-mallory/{METADATA}": forged,
        "lab04-mallory/lab04_lora.ipynb": OTHER,
        "lab04-jane/lab04_lora.ipynb": GOOD,
    }
    for found in both_ways(tmp_path, entries):
        assert [(one.student, one.owner.people) for one in found] == [
            ("lab04-jane", ()),
            ("lab04-mallory", ()),
        ]


@pytest.mark.parametrize(
    "broken",
    [
        b"x: y\n",
        b"[1",
        b"submission_71: 5",
        b"submission_71: {':submitters': [{':name': [1]}, 2]}",
        b"\xff\xfe\x00",
    ],
)
def test_metadata_that_says_nothing_costs_nothing(tmp_path, broken):
    entries = {METADATA: broken, "submission_71/lab04_lora.ipynb": GOOD}
    for found in both_ways(tmp_path, entries):
        assert [one.student for one in found] == ["submission_71"]


@pytest.mark.parametrize("name", ["Jo\x1b]0;x\x07e", "Jo\ne", "Jo\u202ee", "Jo\x85e"])
def test_nobodys_name_is_obeyed_by_a_terminal_or_ends_a_line(name):
    """Neither the ledger's name for a student nor what a platform's file is given."""
    owner = owner_of(PurePosixPath(f"{name}_4711_99_lab04_lora.ipynb"), LAB)
    shown = (owner.student, owner.people[0].name, in_a_line(name))
    assert all(character.isprintable() for text in shown for character in text)
    assert owner.people[0].name in ("Joe", "Jo]0;xe")
    assert Person(PERSIAN).name == PERSIAN


def test_a_file_without_a_notebook_is_told_on_one_line(tmp_path):
    written(
        tmp_path,
        {"jane/lab04_lora.ipynb": GOOD, "joe/lab04\nchanged: jane, 0 now.pdf": b"x", "joe/a": b""},
    )
    missing = without_notebook(tmp_path, LAB, find_submissions(tmp_path, LAB))
    assert len(missing) == 1 and "\n" not in ", ".join(map(in_a_line, missing))


@pytest.mark.parametrize(
    "name",
    [
        "-" * 60_000 + "lab05.ipynb",
        f"1-1-x-{'1' * 60_000}-/lab04_lora.ipynb",
        "_1" * 30_000 + ".ipynb",
    ],
)
def test_a_long_name_takes_little_time(name):
    began = time.process_time()
    owner_of(PurePosixPath(name), LAB)
    assert time.process_time() - began < 1


def test_a_thousand_students_take_little_time(tmp_path):
    """Whose a file beside a notebook is: it is looked up, and not among all notebooks each time."""
    entries = {f"s{i}_{i + 1000}_{i + 5000}_lab04_lora.ipynb": b"%d" % i for i in range(1500)}
    entries |= {f"s{i}_{i + 1000}_{i + 9000}_rows.jsonl": b"" for i in range(1500)}
    (tmp_path / "export.zip").write_bytes(archive(entries))
    began = time.process_time()
    found = find_submissions(tmp_path / "export.zip", LAB, {"rows.jsonl": 10})
    assert time.process_time() - began < 4
    assert len(found) == 1500 and all(len(one.beside) == 1 for one in found)
