"""Options that several groups of commands share."""

from pathlib import Path
from typing import Annotated

import typer

Dtype = Annotated[
    str, typer.Option(help="Number format of training: float32 or bfloat16; if not given, that of ADAPTLAB_DTYPE, or the one that suits this machine.")
]
Folder = Annotated[Path, typer.Option(help="Folder of the course; what is made is kept in its build/.")]
