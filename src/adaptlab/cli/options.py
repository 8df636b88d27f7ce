"""Options that several groups of commands share."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer

Dtype = Annotated[
    str,
    typer.Option(
        help=(
            "Number format of training: float32 or bfloat16; default: ADAPTLAB_DTYPE, or the format"
            " that suits this machine."
        )
    ),
]
Folder = Annotated[
    Path, typer.Option(help="Folder of the course; outputs go to its build/ folder.")
]
LocalModel = Annotated[str, typer.Option(help="embedded:chat, hub:org/name or a path.")]


def options_from(kind: type, **defaults) -> Callable[[Callable], Callable]:
    """Return a decorator that adds a command line option for each field of the dataclass `kind`.

    The command receives the values as `options`, one object of that class. A field's metadata are
    the arguments of `typer.Option`: `help`, `min`, `max`. `defaults` apply to the command line
    only.
    """
    named = {
        field.name: inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(field.name, field.default),
            annotation=Annotated[field.type, typer.Option(**field.metadata)],
        )
        for field in fields(kind)
    }

    def decorate(command: Callable) -> Callable:
        @wraps(command)
        def called(**given):
            chosen = {name: given.pop(name) for name in named}
            return command(**given, options=kind(**chosen))

        own = [
            part
            for name, part in inspect.signature(command).parameters.items()
            if name != "options"
        ]
        signature = inspect.Signature([*own, *named.values()])
        vars(called)["__signature__"] = signature
        called.__annotations__ = {
            name: part.annotation for name, part in signature.parameters.items()
        }
        return called

    return decorate
