"""How much each lesson has of what helps students: `python tests/test_teaching.py` prints it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import nbformat
import pandas as pd
import pytest
from test_language import not_said, texts_in

from adaptlab.studies.recorded import recorded

LESSONS = {
    path.stem: path
    for path in sorted(Path(__file__).parents[1].glob("notebooks/*.ipynb"))
    if re.match(r"\d\d", path.stem)
}
# Lessons that keep the bars, by their number. Add a lesson when it is rewritten.
WRITTEN: tuple[str, ...] = (
    "00",
    "01",
    "01b",
    "02",
    "02b",
    "03",
    "03b",
    "04",
    "05",
    "05b",
    "06",
    "07",
    "08",
    "08b",
    "09",
    "09b",
    "10",
    "10b",
    "11",
    "12",
)
MATHS = ("03", "04", "05", "06", "08", "11", "12")
AT_MOST = {"words": 3000, "median sentence": 18, "longest sentence": 40}
AT_LEAST = {"pictures": 1, "exercises": 2, "comments": 8}
MOST_FOLDED = 60  # words in a folded explanation
READ_WORDS = 200  # a minute
READ_LINES = 30  # of code, a minute
DISPLAY = r"\$\$.+?\$\$"


def sources(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def prose(markdown: str) -> str:
    """The text without code fences, formulas, HTML tags, link targets and emphasis."""
    fences = r"^(```|~~~).*?^\1"
    markdown = re.sub(fences, "", markdown, flags=re.DOTALL | re.MULTILINE)
    markdown = re.sub(DISPLAY, "", markdown, flags=re.DOTALL)
    markdown = re.sub(r"(?<![\\$])\$[^$\n]+\$", "", markdown)
    markdown = re.sub(r"</?[a-zA-Z][^>]*>", "\n\n", markdown)
    markdown = re.sub(r"\]\([^)]*\)", "]", markdown)
    return re.sub(r"[*\[\]]|^ *#+ ", "", _bullets(markdown), flags=re.MULTILINE)


def _bullets(markdown: str) -> str:
    """Entries of lists become paragraphs."""
    return re.sub(r"^ *(?:[-*]|\d+\.) ", "\n\n", markdown, flags=re.MULTILINE)


def sentences(markdown: str) -> list[str]:
    """Sentences of paragraphs and lists, without headings, tables and labels such as Explain."""
    no_headings = re.sub(r"^(?:#+ |\|).*$", "\n", markdown, flags=re.MULTILINE)
    parts = re.split(r"\n\s*\n|(?<=[.?!])[\"')]*\s+", prose(no_headings))
    return [part for part in parts if words(part) > 2]


def words(text: str) -> int:
    return len(re.findall(r"\S*\w\S*", text))


def folded(markdown: str) -> list[str]:
    """The text of each part that unfolds, without its summary."""
    parts = re.findall(r"<details>(.*?)</details>", markdown, re.DOTALL)
    return [prose(re.sub(r"<summary>.*?</summary>", "", part)) for part in parts]


def asked(code: str) -> Iterator[str]:
    """The questions and options of predict(...)."""
    without_magics = re.sub(r"^( *)[%!].*$", r"\1pass", code, flags=re.MULTILINE)
    for call in ast.walk(ast.parse(without_magics)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "predict":
            for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
                yield from texts_in(argument)


def counts(notebook: nbformat.NotebookNode) -> dict[str, float]:
    markdown = "\n\n".join(sources(notebook, "markdown"))
    code = sources(notebook, "code")
    lines = [line for line in "\n".join(code).splitlines() if line.strip()]
    comments = [line for line in lines if re.search(r"(?:^|\s)# ", line)]
    lengths = [words(sentence) for sentence in sentences(markdown)]
    return {
        "words": words(prose(markdown)),
        "equations": len(re.findall(DISPLAY, markdown, re.DOTALL)),
        "pictures": sum("pictures." in source for source in code),
        "exercises": len(re.findall(r"^### Your turn", markdown, re.MULTILINE)),
        "comments": round(100 * len(comments) / max(len(lines), 1), 1),
        "median sentence": median(lengths),
        "longest sentence": max(lengths),
        "long folds": sum(words(part) > MOST_FOLDED for part in folded(markdown)),
    }


def below_the_bars(notebook: nbformat.NotebookNode, is_maths: bool) -> list[str]:
    """Return a message for each bar that a lesson misses."""
    found = counts(notebook)
    least = AT_LEAST | ({"equations": 3} if is_maths else {})
    missed = [f"{key}: {found[key]} > {bar}" for key, bar in AT_MOST.items() if found[key] > bar]
    missed += [f"{key}: {found[key]} < {bar}" for key, bar in least.items() if found[key] < bar]
    read = [prose(source) for source in sources(notebook, "markdown")]
    for source in sources(notebook, "code"):
        read += asked(source)
    return missed + [
        f"not said: {word!r} in {text[:80]!r}" for text in read for word in not_said(text)
    ]


def table() -> pd.DataFrame:
    rows = {name: counts(nbformat.read(path, as_version=4)) for name, path in LESSONS.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


@pytest.mark.parametrize("number", WRITTEN)
def test_a_written_lesson_keeps_the_bars(number):
    (path,) = [path for name, path in LESSONS.items() if name.startswith(f"{number}_")]
    missed = below_the_bars(nbformat.read(path, as_version=4), number in MATHS)
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize("name", sorted(LESSONS))
def test_the_minutes_at_the_top_are_honest(name):
    """Reading, exercises and recorded computing fit into them, and fill at least half of them."""
    notebook = nbformat.read(LESSONS[name], as_version=4)
    markdown = "\n\n".join(sources(notebook, "markdown"))
    n_lines = len("\n".join(sources(notebook, "code")).splitlines())
    typing = sum(map(int, re.findall(r"\*(\d+) minutes?, (?:easy|medium|hard)", markdown)))
    seconds = {row["lesson"]: row["seconds"] for row in recorded("usage")["rows"]}
    needed = words(prose(markdown)) / READ_WORDS + n_lines / READ_LINES + typing
    needed += seconds[name] / 60
    (stated,) = map(int, re.findall(r"About (\d+) minutes", markdown))
    assert stated / 2 <= needed <= stated, f"{needed:.0f} minutes are needed"


def test_the_first_lesson_has_little_code():
    lines = "\n".join(sources(nbformat.read(LESSONS["00_start_here"], 4), "code")).splitlines()
    assert len([line for line in lines if line.strip()]) <= 80


def test_the_check_finds_what_it_is_for():
    """One lesson that keeps the bars, and one that misses all of them."""
    turn = nbformat.v4.new_markdown_cell("### Your turn: count\n\nCount the tokens.\n\n" * 2)
    formulas = nbformat.v4.new_markdown_cell("$$\na\n$$\n\n$$b$$\n\n$$c$$")
    picture = nbformat.v4.new_code_cell("# Where the loss is computed.\npictures.label_mask()")
    good = nbformat.v4.new_notebook(cells=[turn, formulas, picture])
    assert below_the_bars(good, is_maths=True) == []
    long = " ".join(["word"] * 3001)
    fold = f"<details><summary>One explanation</summary>\n\n{long}. {long}.\n\n</details>"
    text = nbformat.v4.new_markdown_cell(f"What is drawn $anew$?\n\n```\nheed\n```\n\n{fold}")
    code = nbformat.v4.new_code_cell('%pip list\npredict("P1", "Reckon:", ["It goes on."])')
    bad = nbformat.v4.new_notebook(cells=[text, code])
    missed = below_the_bars(bad, is_maths=True)
    assert [entry.split(":")[0] for entry in missed[:-3]] == [*AT_MOST, *AT_LEAST, "equations"]
    assert [entry.split("'")[1] for entry in missed[-3:]] == ["drawn", "Reckon", "goes on"]
    assert counts(bad)["long folds"] == 1


if __name__ == "__main__":
    print(table().to_string())
