"""The command line for labs: adaptlab labs build."""

from pathlib import Path
from typing import Annotated

import typer

from adaptlab.errors import AdaptLabError

labs_app = typer.Typer(no_args_is_help=True, help="The labs: build them from their sources.")

Folder = Annotated[Path, typer.Option(help="Folder of the course.")]


@labs_app.command("build")
def labs_build(
    labs: Annotated[list[str], typer.Argument(help="Labs by the start of their name; all if none is named.")] = [],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit status 1 if a lab is not what its source makes.")] = False,
    folder: Folder = Path("."),
) -> None:
    """Make labs/ from solutions/, by nbgrader: the same notebooks without their answers."""
    from adaptlab.course.labs import build_labs, find_sources, out_of_step

    sources, target = find_sources(folder / "solutions", labs), folder / "labs"
    if not check:
        print("\n".join(map(str, build_labs(sources, target))))
    elif stale := out_of_step(sources, target):
        raise AdaptLabError(f"{', '.join(stale)} in {target} is not what its source makes; run: adaptlab labs build")
