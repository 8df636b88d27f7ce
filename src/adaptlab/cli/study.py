"""adaptlab study: run a grid of fine-tuning runs."""

from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.options import Dtype, Folder, LocalModel
from adaptlab.files import as_name
from adaptlab.models.precision import use_format


def study(
    name: Annotated[
        str,
        typer.Argument(
            help="One of the studies behind the lessons; an unknown name lists all studies."
        ),
    ],
    model: LocalModel = "embedded:chat",
    folder: Folder = Path("."),
    dtype: Dtype = "",
) -> None:
    """Run the grid of fine-tuning runs behind a lesson, into build/studies; measured rows are
    kept.
    """
    use_format(dtype)
    from adaptlab.models.local import LocalChat
    from adaptlab.studies.run import run_study

    print(
        run_study(
            name, LocalChat(model), folder / "build" / "studies" / as_name(model) / f"{name}.json"
        )
    )
