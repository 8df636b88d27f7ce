"""Tools of a tutor: a search in the lessons, a look at a claim, a calculator. A model's arguments
are checked before anything is called.
"""

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claims
from adaptlab.files import read_json, reading
from adaptlab.rag.chunk import chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.embed import Embedder
from adaptlab.rag.fuse import HybridRetriever
from adaptlab.rag.loaders import Document
from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever, Retriever

Part = Literal["text", "guides", "threshold", "published"]
CHUNK_CHARACTERS = 500
CLAIMS = "claims"  # the source of the ledger's claims, next to the sources of lessons


class BadCall(ValueError):
    """Why a call was not carried out, in words for the model that made it."""


class Arguments(BaseModel):
    """What a tool is called with; a key that it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Tool:
    """A function that a model may call. The first line of its result is the answer; the rest is the
    source.
    """

    name: str
    description: str
    arguments: type[Arguments]
    function: Callable[..., str]

    def schema(self) -> dict:
        """As the OpenAI protocol describes a tool, the arguments as JSON Schema."""
        described = {
            "name": self.name,
            "description": self.description,
            "parameters": self.arguments.model_json_schema(),
        }
        return {"type": "function", "function": described}

    def call(self, arguments: str) -> str:
        """Return the result for arguments in JSON.

        Raises:
            BadCall: if the arguments do not fit, or the function cannot use them.
        """
        try:
            checked = self.arguments.model_validate_json(arguments)
        except ValidationError as error:
            first = error.errors()[0]
            raise BadCall(
                f"{self.name}: {'.'.join(map(str, first['loc'])) or 'the arguments'}:"
                f" {first['msg']}"
            ) from error
        return self.function(**checked.model_dump())


def call(tools: Sequence[Tool], name: str, arguments: str) -> str:
    """Call a tool by name.

    Raises:
        BadCall: if there is no such tool.
    """
    found = {tool.name: tool for tool in tools}
    if name not in found:
        raise BadCall(f"there is no tool {name!r}; there are {', '.join(found)}")
    return found[name].call(arguments)


class Expression(Arguments):
    expression: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="Numbers with + - * / ** and brackets, as 3 * (4 + 5).",
        ),
    ]


_OPERATORS: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
LARGEST = 1e15
GREATEST_POWER = 64  # beyond these a short line could keep a machine busy for hours


def calculate(expression: str) -> str:
    """Compute the value of an arithmetic expression; only numbers and operators are evaluated."""
    try:
        value = _value(ast.parse(expression.replace(",", ""), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, OverflowError, RecursionError, MemoryError) as error:
        raise BadCall(f"calculate: {expression!r} has no value ({type(error).__name__})") from error
    return f"{int(value) if value == int(value) else round(value, 6)}"


def _value(node: ast.expr) -> float:
    value: Any
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = node.value
    elif isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        value = _OPERATORS[type(node.op)](_value(node.operand))
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left = _value(node.left)
        right = _value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > GREATEST_POWER:
            raise BadCall(f"calculate: a power above {GREATEST_POWER} is not worked out")
        value = _OPERATORS[type(node.op)](left, right)
    else:
        raise BadCall("calculate: only numbers, + - * / ** and brackets are allowed")
    if isinstance(value, complex) or not abs(value) <= LARGEST:
        raise BadCall(f"calculate: values beyond {LARGEST:g} are not worked out")
    return value


class ClaimPart(Arguments):
    id: Annotated[str, Field(pattern="^[A-Z][0-9]{1,2}$", description="The claim's id, as P1.")]
    part: Annotated[
        Part,
        Field(
            description=(
                "What of it: its text, the guides that make it, the threshold of its rule, or what"
                " was published."
            )
        ),
    ] = "text"


def look_up_claim(id: str, part: Part = "text") -> str:
    """Return one part of a claim of the ledger, then the whole claim."""
    if id not in claims():
        raise BadCall(f"look_up_claim: there is no claim {id}; there are {', '.join(claims())}")
    found = claims()[id]
    parts = {
        "text": found.text,
        "guides": found.guides,
        "threshold": f"{found.rule.at_least:g}",
        "published": found.published,
    }
    return (
        f"{parts[part]}\nClaim {id}: {found.text} Made by guides {found.guides}. Rule:"
        f" {found.rule}."
    )


class Query(Arguments):
    query: Annotated[
        str, Field(min_length=2, max_length=400, description="What to look for, in words.")
    ]


def searcher(retriever: Retriever, k: int = 2) -> Callable[[str], str]:
    """Make a search in the lessons: the number of the best lesson, then the k passages with their
    numbers.
    """

    def search_lessons(query: str) -> str:
        (hits,) = retriever.search([query], k, lambda piece: piece.source != CLAIMS)
        if not hits:
            raise BadCall("search_lessons: nothing was found; use other words")
        passages = [
            f"Lesson {lesson_of(hit.chunk.source)}, {hit.chunk.in_context()}" for hit in hits
        ]
        return "\n".join([lesson_of(hits[0].chunk.source), *passages])

    return search_lessons


def lesson_of(source: str) -> str:
    """Return the number of the lesson of a source, as "07"."""
    return Path(source).name[:2]


def lessons_folder() -> Path:
    """Find the lessons: next to the package's source, or in a copy of the repository here or
    above.
    """
    here = Path.cwd()
    places = [
        Path(__file__).parents[3],
        *(place / sub for place in (here, *here.parents) for sub in ("", "adaptlab")),
    ]
    for place in places:
        if list((place / "notebooks").glob("00_*.ipynb")):
            return place / "notebooks"
    raise AdaptLabError(
        "The lessons are missing. Fetch the repository with git clone and run this in its folder."
    )


def lesson_documents(folder: Path, leave_out: Sequence[str] = ()) -> list[Document]:
    """Return the prose of each lesson in a folder, one document per lesson; `leave_out` has numbers
    of lessons.
    """
    paths = [
        path
        for path in sorted(folder.glob("[0-9][0-9]*_*.ipynb"))
        if lesson_of(path.name) not in leave_out
    ]
    if not paths:
        raise AdaptLabError(
            f"{folder} does not contain lessons. Give the folder `notebooks` of the repository."
        )
    return [_document(path) for path in paths]


def _document(path: Path) -> Document:
    notebook = read_json(path)
    with reading(path, "Restore it, for example from git."):
        cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "markdown")
        prose = ["".join(cell["source"]) for cell in cells]
        title = prose[0].splitlines()[0].lstrip("# ")
    return Document(
        "\n\n".join(prose),
        path.name,
        title,
        datetime.fromtimestamp(path.stat().st_mtime, UTC).date(),
    )


def claims_document() -> Document:
    """Return all claims as one document with a heading each, for searching instead of looking
    up.
    """
    entries = [
        f"## Claim {identity}\n\n{look_up_claim(identity).splitlines()[1]}" for identity in claims()
    ]
    return Document("\n\n".join(entries), CLAIMS, "The claims", date.today())


def lesson_search(documents: Sequence[Document], embedder: Embedder) -> HybridRetriever:
    """Search the documents in chunks, by keywords and embeddings at once.

    A chunk has its own heading only: a passage starts with the number of its lesson.
    """
    pieces = chunk(documents, size=CHUNK_CHARACTERS, overlap=0)
    collection = Collection(embedder)
    collection.add(replace(piece, parents=()) for piece in pieces)
    return HybridRetriever([DenseRetriever(collection), BM25Retriever(collection)])


def tutor_tools(retriever: Retriever) -> tuple[Tool, ...]:
    """Return the three tools of the tutor."""
    return (
        Tool(
            "search_lessons",
            "Find the lesson of this course that treats a subject, with passages from it.",
            Query,
            searcher(retriever),
        ),
        Tool("look_up_claim", "Look up a claim of the ledger by its id.", ClaimPart, look_up_claim),
        Tool("calculate", "Work out an arithmetic expression.", Expression, calculate),
    )
