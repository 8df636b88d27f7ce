"""Nobody vanishes: who is missing, unknown or double is told, and platforms get their own files."""

import csv
import io
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.grading.grade import Mark
from adaptlab.grading.records.export import into_roster, to_csv
from adaptlab.grading.records.sheet import Policy, Sheet
from adaptlab.grading.submissions.naming import Owner, Person, owner_of
from adaptlab.grading.submissions.roster import read_roster

LAB = "lab04_lora"
CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Lab 04 (778),Final Score
,,,,,Manual Posting,
    Points Possible,,,,,20,(read only)
"Student, Test",9,,x,Section 1,,
"Doe, Jane",4711,s1,jdoe,Section 1,,
"Roe, Joe",4712,s2,jroe,Section 1,,
"Lee, Kim",4713,s3,klee,Section 2,,
"""
MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,"
    "Last modified (grade),Feedback comments\n"
    "Participant 123,Jane Doe,jane@uni.example,Submitted,,20.00,-,\n"
    "Participant 124,Jane Doe,jane2@uni.example,Submitted,,20.00,-,\n"
)
GRADESCOPE = """First Name,Last Name,SID,Email,Role
Jane,Doe,4711,jane@uni.example,Student
Joe,Roe,4712,joe@uni.example,Student
"""
BLACKBOARD = "Last Name\tFirst Name\tUsername\nDoe\tJane\tjdoe"
GITHUB = "github_username;Name\njroe;Joe Roe\nmary-ann;Ann Poe"


def owner(path: str) -> Owner:
    return owner_of(PurePosixPath(path), LAB)


def submission(number: int, *people: Person) -> Owner:
    return Owner(f"submission_{number}", "gradescope", people)


def sheet(owner: Owner, points: float = 2) -> Sheet:
    mark = Mark("a", "pass", points, 2, "Right.")
    return Sheet(owner.student, LAB, "", "", "none", [mark], owner=owner)


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def roster(tmp_path):
    def read(text: str):
        (tmp_path / "roster.csv").write_text(text, encoding="utf-8")
        return read_roster(tmp_path / "roster.csv")

    return read


JANE = Person("Jane Doe", "4711")
JOE = Person("J. Roe", "", "joe@uni.example")
MISSING = "on the roster, but no submission: "
DOUBLE = "more than one submission: "
UNKNOWN = "submission, but not on the roster: "
SEVERAL = "matches several students on the roster: "
CASES = {
    "Canvas, missing": (
        CANVAS,
        [owner("doejane_4711_99_lab04.ipynb")],
        [f"{MISSING}Roe, Joe; Lee, Kim"],
    ),
    "Canvas, unknown": (
        CANVAS,
        [
            owner(name)
            for name in (
                "doejane_4711_9_a.ipynb",
                "roejoe_LATE_4712_9_a.ipynb",
                "leekim_4713_9_a.ipynb",
                "poeann_9_9_a.ipynb",
            )
        ],
        [f"{UNKNOWN}poeann_9"],
    ),
    "Moodle, namesakes": (
        MOODLE,
        [owner("Jane Doe_123_assignsubmission_file_/a.ipynb")],
        [f"{MISSING}Jane Doe"],
    ),
    "a group": (GRADESCOPE, [submission(1, JANE, JOE)], []),
    "double": (
        GRADESCOPE,
        [submission(1, JANE), submission(2, JANE), owner("jroe/a.ipynb")],
        [f"{MISSING}Joe Roe", f"{DOUBLE}Jane Doe (submission_1, submission_2)", f"{UNKNOWN}jroe"],
    ),
    "GitHub": (GITHUB, [owner("lab04-jroe/labs/a.ipynb"), owner("lab04-mary-ann/a.ipynb")], []),
    "names alone": (
        "Jane Doe\nJoe Roe\n",
        [owner("Doe, Jane/a.ipynb"), owner("joe_roe_lab04.ipynb")],
        [],
    ),
    "namesakes": (
        "Name\nJane Doe\nJane Doe\n",
        [owner("jane doe/a.ipynb")],
        [f"{MISSING}Jane Doe; Jane Doe", f"{SEVERAL}jane doe (Jane Doe or Jane Doe)"],
    ),
    "Blackboard": (BLACKBOARD, [owner("hw_jdoe_attempt_2026-11-20-14-33-05_a.ipynb")], []),
    "groups": (
        CANVAS,
        [owner("team_3_12345_678913_a.ipynb"), owner("team_4_12346_678914_a.ipynb")],
        [
            "no student with a submission is on the roster: team_3_12345; team_4_12346. "
            "Give the list of this class; it cannot contain Canvas groups."
        ],
    ),
    "accents": ("Name,Email\nJosé Doe,jose@uni.example", [owner("jose doe/a.ipynb")], []),
}


@pytest.mark.parametrize("case", CASES)
def test_who_is_missing_unknown_or_double(roster, case):
    text, owners, says = CASES[case]
    assert roster(text).match(owners).report() == says


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        ("José".encode("latin-1"), "not UTF-8"),
        (None, "is not readable"),
    ],
)
def test_a_roster_that_is_none_is_a_sentence(tmp_path, content, says):
    if content is not None:
        (tmp_path / "roster.csv").write_bytes(content)
    with pytest.raises(AdaptLabError, match=says):
        read_roster(tmp_path / "roster.csv")


def test_canvas_gets_its_own_columns_back(roster):
    """Its importer wants Student and ID first, and Section last before the assignments."""
    sheets = [sheet(owner("doejane_4711_99_lab04.ipynb")), sheet(owner("anon_Xw3Fd_9_a.ipynb"))]
    text, unknown = into_roster(sheets, "canvas", roster(CANVAS))
    header, *told = text.splitlines()
    assert header == "Student,ID,SIS User ID,SIS Login ID,Section,Lab 04 (778)"
    assert told == ['"Doe, Jane",4711,s1,jdoe,Section 1,2']
    assert unknown == ["anon_Xw3Fd"]


def test_brightspace_gets_its_own_columns_back(roster):
    found = [sheet(owner("12-3 - Jane Doe - Nov 20, 2026 233 PM/a.ipynb"))]
    known = "OrgDefinedId,Username,Last Name,First Name,"
    told = (
        known + "Lab 04 Points Grade <Numeric MaxPoints:2>,End-of-Line"
        " Indicator\n#4711,jdoe,Doe,Jane,,#\n"
    )
    text, unknown = into_roster(found, "brightspace", roster(told))
    assert unknown == [] and text.splitlines() == [
        "OrgDefinedId,Username,Lab 04 Points Grade <Numeric MaxPoints:2>,End-of-Line Indicator",
        "#4711,jdoe,2,#",
    ]
    text, _ = into_roster(
        found, "brightspace", roster(f"{known}End-of-Line Indicator\n#4711,jdoe,Doe,Jane,#\n")
    )
    assert text.splitlines()[0] == f"OrgDefinedId,Username,{LAB} Points Grade,End-of-Line Indicator"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_blackboard_gets_its_own_columns_back(tmp_path, encoding):
    told = BLACKBOARD.replace("Username", "Username\tLast Access\tLab 04 [Total Pts: 2 Score] |778")
    (tmp_path / "gradebook.xls").write_bytes(f"{told}\t2026-11-20\t\n".encode(encoding))
    found = [sheet(owner("hw_jdoe_attempt_2026-11-20-14-33-05_a.ipynb"))]
    text, unknown = into_roster(found, "blackboard", read_roster(tmp_path / "gradebook.xls"))
    assert unknown == [] and text.splitlines() == [
        "Last Name,First Name,Username,Lab 04 [Total Pts: 2 Score] |778",
        "Doe,Jane,jdoe,2",
    ]


def test_a_platform_that_takes_only_its_own_file_says_so():
    for platform in ("brightspace", "blackboard"):
        with pytest.raises(AdaptLabError, match="as --roster"):
            to_csv([sheet(owner("jane/a.ipynb"))], platform)


def test_a_table_has_a_row_for_whoever_came_from_no_platform():
    (row,) = rows(to_csv([sheet(owner("lab04-jane/a.ipynb"))], "table"))
    assert (row["Student"], row["Points"], row["Of"], row["a"]) == ("lab04-jane", "2", "2", "2")


def test_moodle_gets_its_own_columns_back(roster):
    found = sheet(owner("Jane Doe_124_assignsubmission_file_/a.ipynb"))
    found.marks.append(Mark("explanation", "needs a person", None, 3, "Read."))
    text, unknown = into_roster([found], "moodle", roster(MOODLE))
    assert text.splitlines()[0] == MOODLE.splitlines()[0] and unknown == []
    (row,) = rows(text)
    assert (row["Identifier"], row["Email address"]) == ("Participant 124", "jane2@uni.example")
    assert (row["Grade"], row["Last modified (grade)"]) == ("2", "-")
    assert row["Feedback comments"] == "Not graded yet: explanation"


@pytest.mark.parametrize(
    ("platform", "says"),
    [
        ("canvas", "ID and Section"),
        ("moodle", "Identifier"),
        ("gradescope", "Omit --roster"),
        ("brightspace", "lacks the columns OrgDefinedId"),
        ("blackboard", "Add a column with lab04"),
    ],
)
def test_a_list_that_is_not_the_platforms_is_refused(roster, platform, says):
    with pytest.raises(AdaptLabError, match=says):
        into_roster([sheet(owner("jane/a.ipynb"))], platform, roster("Name,Grade\nJane,1"))


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("team_3_12345_678913_lab04.ipynb", "12345"),
        ("team_3_lab04.ipynb", ""),
        ("anon_Xw3Fd_678910_lab04.ipynb", ""),
    ],
)
def test_ids_are_only_those_that_the_platform_wrote(name, number):
    assert rows(to_csv([sheet(owner(name))], "canvas"))[0]["ID"] == number


def test_each_of_a_group_has_a_row():
    told = rows(to_csv([sheet(submission(1, JANE, JOE))], "gradescope"))
    assert [(row["Name"], row["SID"], row["Email"], row["Total Score"]) for row in told] == [
        ("Jane Doe", "4711", "", "2"),
        ("J. Roe", "J. Roe", "joe@uni.example", "2"),
    ]


def test_what_a_platform_calls_late_costs_a_day_whenever_its_export_was_made():
    policy = Policy("2026-11-18T23:59:00+00:00", percent_a_day=10)
    download = "2026-11-28T09:00:00+00:00"
    assert [policy.factor(download, late) for late in (True, False)] == [0.9, 1]
    assert policy.days_late(download) == 10
    assert replace(policy, free_days=1).factor(download, late=True) == 1
