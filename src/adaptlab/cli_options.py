"""Options that several groups of commands share."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option(help="Folder of the course; what is made is kept in its build/.")]
