"""Errors, help, docstrings, comments and pages use plain words and short sentences."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/adaptlab"
# The feedback of the labs' exercises is not checked: it changes together with the labs.
OUTSIDE = re.compile(r"grading/labs/lab\d\d/")
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "solutions/README.md",
    *sorted((PACKAGE / "course/site/pages").glob("*.md*")),
    *sorted((PACKAGE / "grading/templates").iterdir()),
)
# Pattern: what to write instead.
NOT_SAID = {
    r"anew|afresh": "again",
    r"heed\w*": "follow",
    r"reckon\w*": "compute",
    r"mend\w*": "fix, correct",
    r"spoil\w*": "degrade",
    r"whoever": "if you",
    r"beside": "next to, compared with",
    r"hangs? on|hung on": "depends on",
    r"becomes? of": "results in",
    r"is told|are told": "gets",
    r"goes on|go on|gone on": "continues, resumes",
    r"stands?": "is",
    r"drawn": "sampled",
    r"(?-i:(?:is|are) none)": "is not",
    r"(?<!there )(?:is|are) no": "is not",
    r"(?<!instruction )tunings?": "fine-tuning run",
    r"trainings": "training runs",
    r"full tuning": "full fine-tuning",
    r"right replies|right answers": "accuracy, correct replies",
    r"is an AdaptLabError|an AdaptLabError (?:if|for|unless|where)": "Raises: ...",
}
MOST_WORDS = 35  # in a sentence
# Calls whose arguments a user reads: errors, printed texts, and feedback on submissions.
ERRORS = {
    "AdaptLabError",
    "Beside",
    "BoxError",
    "Diverged",
    "Fault",
    "Invalid",
    "Mark",
    "NoRoom",
    "NotAnAdapter",
    "NotPlain",
    "NotWritten",
    "NotYet",
    "TakenFile",
    "TooMuch",
    "Verdict",
    "print",
}
# What a value that is filled in at run time counts as: one word.
FILLED = "VALUE"


def text_of(node: ast.AST) -> str:
    """The text of a string, with FILLED for what is filled in; empty for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else FILLED for part in node.values
        )
    return ""


def texts_in(node: ast.AST) -> Iterator[str]:
    """The strings of an expression, those inside of f-strings' values left out."""
    if text := text_of(node):
        yield text
    elif not isinstance(node, ast.JoinedStr):
        for child in ast.iter_child_nodes(node):
            yield from texts_in(child)


def messages(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of what errors say; a name in a message stands for what was assigned to it."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or getattr(call.func, "id", "") not in ERRORS:
            continue
        for argument in call.args:
            yield from ((call.lineno, text) for text in texts_in(argument))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in PARTS:
            yield from ((node.lineno, text) for text in texts_in(node.value))


# Names under which the beginning or the end of a message is kept.
PARTS = {
    "advice",
    "fix",
    "form",
    "given",
    "hint",
    "lost",
    "missing",
    "problem",
    "reason",
    "says",
    "sentence",
    "wrong",
}


def help_texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "help":
            yield from ((node.value.lineno, text) for text in texts_in(node.value))


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def prose(page: str) -> Iterator[tuple[int, str]]:
    """Line and text of the paragraphs, list entries and table cells of Markdown or HTML."""
    for aside in (r"```.*?```", r"<style>.*?</style>", r"\{[%{].*?[%}]\}", r"<[^>]*>"):
        page = re.sub(aside, lambda found: "\n" * found[0].count("\n") + " ", page, flags=re.S)
    page = re.sub(r"`[^`]*`", FILLED, page)
    line = 1
    for part in re.split(r"(\n\n+|\n(?=- |\d\. |\|)|\|)", page):
        yield line, part
        line += part.count("\n")


def not_said(text: str) -> list[str]:
    """The words of NOT_SAID in a text, code between backticks and quotations left out."""
    plain = re.sub(r"`[^`]*`|\"[^\"]*\"", FILLED, " ".join(text.split()))
    return [
        found[0]
        for pattern in NOT_SAID
        for found in re.finditer(rf"(?<![-\w])(?:{pattern})(?![-\w])", plain, re.IGNORECASE)
    ]


def longest_sentence(text: str) -> str:
    """Paragraphs, entries of lists and of Raises end a sentence, too."""
    parts = re.split(r"\n\n|\n- |\n {4}(?=\w+:)|(?<=[.?!])\s", text)
    return max(parts, key=lambda part: len(part.split()))


def faults(said: list[tuple[int, str]]) -> list[str]:
    found = [
        f"line {line}: {word!r} in {text[:80]!r}" for line, text in said for word in not_said(text)
    ]
    return found + [
        f"line {line}: {len(longest_sentence(text).split())} words: {longest_sentence(text)!r}"
        for line, text in said
        if len(longest_sentence(text).split()) > MOST_WORDS
    ]


def in_scope() -> list[Path]:
    found = PACKAGE.rglob("*.py")
    return sorted(path for path in found if not OUTSIDE.match(path.relative_to(PACKAGE).as_posix()))


@pytest.mark.parametrize("path", in_scope(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_plain_words_and_short_sentences(path):
    source = path.read_text()
    tree = ast.parse(source)
    said = [*messages(tree), *help_texts(tree), *docstrings(tree), *comments(source)]
    found = faults(said)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_use_plain_words_and_short_sentences(path):
    found = faults(list(prose(path.read_text())))
    assert not found, "\n".join(found)


def test_the_check_finds_what_it_is_for():
    """One fault of each kind, so that an empty result above means that nothing is wrong."""
    long = " ".join(["word"] * (MOST_WORDS + 1))
    source = (
        f'"""Whoever reads this."""\n'
        f'def f(x=Option(help="Begin anew.")):\n'
        f'    """A tuning."""\n'
        f'    problem = f"{{x}} is no model"\n'
        f'    raise AdaptLabError(f"{{problem}}. Mend it. " "{long}.")\n'
        f'    print("Goes on.")  # Afresh.\n'
    )
    tree = ast.parse(source)
    said = list(messages(tree))
    assert {word for _, text in said for word in not_said(text)} == {"is no", "Mend", "Goes on"}
    assert max(len(longest_sentence(text).split()) for _, text in said) == MOST_WORDS + 1
    assert [not_said(text) for _, text in help_texts(tree)] == [["anew"]]
    assert [not_said(text) for _, text in docstrings(tree)] == [["Whoever"], ["tuning"]]
    assert not not_said("There is no model 'x'. Full fine-tuning uses `beside` again.")
    assert [not_said(text) for _, text in comments(source)] == [["Afresh"]]
    page = "A page.\n\n| one | drawn |\n\n```\nheed\n```\n<p>They mend\nit.</p>\n"
    assert [(line, not_said(text)) for line, text in prose(page) if not_said(text)] == [
        (3, ["drawn"]),
        (7, ["mend"]),
    ]
    folders = {path.parent.name for path in in_scope()}
    assert folders > {"rag", "tune", "models", "cli", "adaptlab", "world", "sandbox", "records"}
