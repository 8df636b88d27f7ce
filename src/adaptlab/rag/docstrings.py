"""Real English at scale: the docstrings of the installed libraries as documents, with questions
whose document is known.

The source files are parsed, not imported. A question is a library's summary line, its description
of a parameter, or an error message. The words of the question are then left out of the document.
"""

import ast
import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.progress import progress_bar
from adaptlab.rag.loaders import Document

# The libraries of the lessons, and those in the embedded reranker's training: separate, since
# classes of one library are often described in the same words.
MEASURED = ("pandas", "scipy", "sklearn")
TUNED_ON = (
    "numpy",
    "matplotlib",
    "networkx",
    "torch",
    "transformers",
    "sentence_transformers",
    "peft",
    "trl",
    "datasets",
)
PACKAGES = MEASURED + TUNED_ON
KINDS = ("summary", "parameter", "error")
LEAST_CHARACTERS = 200
LEAST_WORDS = 5
_LEFT_OUT = re.compile(
    r"(^|/)(tests?|testing|_vendor|vendored|conftest\.py|models)(/|$)|(^|/)test_"
)


@dataclass(frozen=True)
class KnownItem:
    """A question and the source of its one relevant document."""

    text: str
    kind: str
    source: str


Documented = ast.ClassDef | ast.FunctionDef


def docstring_corpus(
    packages: tuple[str, ...] = PACKAGES,
) -> tuple[list[Document], list[KnownItem]]:
    """Return (documents, questions), in order of package and path; duplicates of both are left
    out.
    """
    if isinstance(packages, str):
        raise AdaptLabError("The packages are a single name. Give a list of names.")
    entries = [
        entry
        for package in progress_bar(packages, desc="reading docstrings", unit="package")
        for entry in _entries(package)
    ]
    texts = Counter(_normal(document.text) for document, _ in entries)
    kept = [(document, items) for document, items in entries if texts[_normal(document.text)] == 1]
    documents = [document for document, _ in kept]
    questions = [item for _, items in kept for item in items]
    return documents, _answered_once(documents, questions)


def _answered_once(documents: list[Document], questions: list[KnownItem]) -> list[KnownItem]:
    """Return questions that occur once and whose words are in no other document, which would be as
    relevant.
    """
    asked = Counter(_normal(item.text) for item in questions)
    by_opening: dict[str, list[str]] = defaultdict(list)
    for text in asked:
        by_opening[" ".join(text.split()[:LEAST_WORDS])].append(text)
    stated = set()
    for document in documents:
        text = _normal(document.text)
        words = text.split()
        openings = {" ".join(words[i : i + LEAST_WORDS]) for i in range(len(words))}
        stated |= {
            found
            for opening in openings & by_opening.keys()
            for found in by_opening[opening]
            if f" {found} " in f" {text} "
        }
    return [
        item
        for item in questions
        if asked[_normal(item.text)] == 1 and _normal(item.text) not in stated
    ]


def _entries(package: str) -> Iterator[tuple[Document, list[KnownItem]]]:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise AdaptLabError(
            f"The package {package} is not installed, or is a single file. Name other packages."
        )
    root = Path(next(iter(spec.submodule_search_locations)))
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root)
        if _LEFT_OUT.search(place.as_posix()):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue  # the sources include templates and deliberately broken files
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
        module = ".".join([package, *place.with_suffix("").parts]).removesuffix(".__init__")
        yield from (
            _entry(name, node, changed)
            for name, node in _public(tree, module)
            if len(ast.get_docstring(node) or "") >= LEAST_CHARACTERS
        )


def _public(node: ast.AST, name: str) -> Iterator[tuple[str, Documented]]:
    """Yield classes, functions and methods that do not start with an underscore, with their dotted
    names.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            yield f"{name}.{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from _public(child, f"{name}.{child.name}")


def _entry(name: str, node: Documented, changed: date) -> tuple[Document, list[KnownItem]]:
    text = ast.get_docstring(node) or ""
    summary, _, rest = text.partition("\n\n")
    questions = [
        (" ".join(summary.split()), "summary"),
        *((line, "parameter") for line in _parameter_lines(text)[:1]),
        *((line, "error") for line in _errors(node)[:1]),
    ]
    questions = [(line, kind) for line, kind in questions if LEAST_WORDS <= len(line.split()) <= 40]
    body = rest
    for line, _ in questions:
        if line in " ".join(body.split()):  # rarely, and a pattern for each line takes long to make
            body = re.sub(r"\s+".join(map(re.escape, line.split())), "", body)
    return Document(body.strip(), name, name, changed), [
        KnownItem(line, kind, name) for line, kind in questions
    ]


def _parameter_lines(text: str) -> list[str]:
    """Return the first sentence about each parameter, by docstring_parser; the longest and most
    informative first.
    """
    import docstring_parser

    try:
        described = [
            param.description for param in docstring_parser.parse(text).params if param.description
        ]
    except docstring_parser.ParseError:
        return []
    first = [
        re.split(r"(?<=[.!?])\s", " ".join(description.split()))[0] for description in described
    ]
    return sorted(first, key=len, reverse=True)


def _errors(node: ast.AST) -> list[str]:
    """Return the texts of errors raised in the body, the longest first, without the parts filled in
    at run time.
    """
    found = []
    for child in _statements(node):
        if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call) and child.exc.args:
            parts = [
                part.value
                for part in ast.walk(child.exc.args[0])
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            ]
            found.append(" ".join(" ".join(parts).split()))
    return sorted(found, key=len, reverse=True)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of `ast.walk` in its order, without expressions.

    Expressions contain no statements and are nine in ten of all nodes.
    """
    left = deque([node])
    while left:
        child = left.popleft()
        yield child
        left.extend(
            inner for inner in ast.iter_child_nodes(child) if not isinstance(inner, ast.expr)
        )


def _normal(text: str) -> str:
    """Return the words only, in small letters."""
    return " ".join(re.findall(r"\w+", text.lower()))
