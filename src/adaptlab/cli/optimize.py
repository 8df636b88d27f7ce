"""adaptlab optimize: search the best prompt for labelled cases."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text


def optimize(
    cases: Annotated[
        Path,
        typer.Argument(
            help='Labelled cases: JSONL or CSV with "text" and "label", or chat JSONL with one'
            " question and its reply."
        ),
    ],
    to: Annotated[
        Path, typer.Argument(help="Folder of the search; an interrupted search resumes there.")
    ],
    model: Annotated[
        str,
        typer.Option(
            help="embedded:chat, gguf:NAME, hub:org/name, a path, openai:NAME or anthropic:NAME."
        ),
    ] = "embedded:chat",
    instruction: Annotated[
        list[str], typer.Option(help="An instruction to try; can be repeated. The first is plain.")
    ] = [],
    instructions: Annotated[
        Path | None, typer.Option(help="A file with an instruction on each line.")
    ] = None,
    shots: Annotated[
        str, typer.Option(help="Numbers of examples in the prompt, in quotes.")
    ] = "0 2 4 8",
    sets: Annotated[
        int, typer.Option(min=1, help="Sets of examples for each number of examples.")
    ] = 3,
    budget: Annotated[int, typer.Option(min=1, help="Calls of the model in the search.")] = 400,
    seed: int = 0,
    judge: Annotated[
        str,
        typer.Option(help="label, number, json or text; default: by the type of the gold answers."),
    ] = "",
    write: Annotated[
        int,
        typer.Option(
            min=0,
            help="Calls of the model for GEPA, with which a language model writes further"
            " instructions from errors on the pool of examples; 0: none.",
        ),
    ] = 0,
    writer: Annotated[
        str, typer.Option(help="The model that writes instructions; default: the same model.")
    ] = "",
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Most tokens of a reply.")] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Search the best instruction and examples for labelled cases within a budget of calls, and
    measure them on held-out cases; into a folder with the prompt, the report and all replies.
    """
    from adaptlab.evals.labelled import read_labelled
    from adaptlab.evals.optimize import optimize as search
    from adaptlab.models.load_chat import load_chat

    found = read_labelled(cases)
    tried = [*instruction, *(_lines(instructions) if instructions else [])]
    if not tried:  # before the model is loaded
        raise AdaptLabError(
            'No instruction is given. Add --instruction "Label the review: ...", or --instructions'
            " FILE."
        )
    numbers = _numbers(shots)
    chat = load_chat(model)
    if write:
        from adaptlab.evals.reflection import write_instructions

        tried += write_instructions(
            chat,
            found,
            tried[0],
            to,
            writer=load_chat(writer) if writer else chat,
            calls=write,
            most_shots=max(numbers),
            seed=seed,
            judge=judge,
            max_new_tokens=max_new_tokens,
        )
    made = search(
        chat,
        found,
        tried,
        to,
        shots=numbers,
        n_sets=sets,
        budget=budget,
        seed=seed,
        judge=judge,
        max_new_tokens=max_new_tokens,
    )
    if as_json:
        print(json.dumps(made.as_dict(), indent=1, ensure_ascii=False))
        return
    print(made)
    print(f"prompt:   {to / 'prompt.json'}")


def _lines(path: Path) -> list[str]:
    found = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not found:
        raise AdaptLabError(f"{path} does not contain instructions. Write one on each line.")
    return found


def _numbers(text: str) -> list[int]:
    words = re.split(r"[\s,]+", text.strip())
    if not all(word.isdecimal() for word in words):
        raise AdaptLabError(f'--shots is {text!r}. Give numbers of examples, as "0 2 4 8".')
    return [int(word) for word in words]
