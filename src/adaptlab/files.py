"""Files written whole or not at all, text that must be UTF-8, and hashes."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adaptlab.errors import AdaptLabError


def program_path() -> str:
    """Where programs are looked for, as PATH has it: first beside this interpreter, whether or not
    its environment was activated.
    """
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def as_path(path: Path | str) -> Path:
    """A path as such, if it is one."""
    if not isinstance(path, str | os.PathLike) or not str(path) or "\0" in str(path):
        raise AdaptLabError(f"A path is {path!r}, not a path. Give a file's or a folder's path.")
    return Path(path)


def make_folder(path: Path) -> None:
    """The folder and those above it, if they are not there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AdaptLabError(
            f"The folder {path} could not be made ({error.strerror}); move away what stands there,"
            " or choose another folder."
        ) from error


def write_whole(path: Path, content: str | Iterable[bytes]) -> None:
    """Write text (as UTF-8) or pieces of bytes through a temporary file in the same folder, so that
    a reader sees the old file or the new one.
    """
    make_folder(path.parent)
    part = None
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.writelines([content.encode()] if isinstance(content, str) else content)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except OSError as error:
        if part:
            Path(part).unlink(missing_ok=True)
        raise AdaptLabError(
            f"{path} could not be written ({error.strerror}); check the disk space and the path, or"
            " choose another folder."
        ) from error


def read_text(path: Path) -> str:
    """The file's text; a clear error if it is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise AdaptLabError(
            f"{path} is not UTF-8 text (byte {error.start}); save it again as UTF-8."
        ) from error
    except OSError as error:
        raise AdaptLabError(f"{path} could not be read: {error.strerror}.") from error


def read_json(path: Path):
    """What a file of JSON holds; a clear error if it holds none."""
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise AdaptLabError(f"{path} is damaged: it is no JSON ({error}).") from error


@contextmanager
def reading(path: Path, fix: str) -> Iterator[None]:
    """One sentence if a file that the course wrote has another shape than is read inside.

    `fix` is what its reader can do, as a sentence.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        says = f"{path} is damaged, or another version wrote it ({type(error).__name__})"
        raise AdaptLabError(f"{says}. {fix}") from error


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_disk(folder: Path, megabytes: int) -> None:
    """Refuse to begin what would not fit."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free // 2**20
    if free < megabytes:
        raise AdaptLabError(
            f"{existing} has {free} MB free and {megabytes} MB are needed; free some disk space and"
            " run the command again."
        )
