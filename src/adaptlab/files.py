"""Files that are written completely or not at all, text that must be UTF-8, and hashes."""

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adaptlab.errors import AdaptLabError


def program_path() -> str:
    """Return the search path for programs: the folder of this interpreter first, then PATH.

    The environment need not be activated.
    """
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def as_path(path: Path | str) -> Path:
    """Convert a path to a Path.

    Raises:
        AdaptLabError: if it is not a path.
    """
    if not isinstance(path, str | os.PathLike) or not str(path) or "\0" in str(path):
        raise AdaptLabError(f"The path is {path!r}. Give the path of a file or a folder.")
    return Path(path)


def as_name(model: str) -> str:
    """Convert a model's id to the name of a folder."""
    return re.sub("[^A-Za-z0-9.]+", "-", model).strip("-")


def make_folder(path: Path) -> None:
    """Make a folder and its parents, if they do not exist.

    Raises:
        AdaptLabError: if that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AdaptLabError(
            f"The folder {path} could not be made ({error.strerror}). Move away the file at"
            " this path, or choose another folder."
        ) from error


def write_whole(path: Path, content: str | Iterable[bytes]) -> None:
    """Write text (as UTF-8) or pieces of bytes through a temporary file in the same folder.

    A reader sees the old file or the new file, never a part.

    Raises:
        AdaptLabError: if the file cannot be written.
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
            f"{path} could not be written ({error.strerror}). Check the disk space and the path, or"
            " choose another folder."
        ) from error


def read_text(path: Path) -> str:
    """Read a file's text.

    Raises:
        AdaptLabError: if the file is missing or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise AdaptLabError(
            f"{path} is not UTF-8 text (byte {error.start}). Save it again as UTF-8."
        ) from error
    except OSError as error:
        raise AdaptLabError(
            f"{path} could not be read ({error.strerror}). Check the path and its permissions."
        ) from error


def read_json(path: Path):
    """Read a JSON file.

    Raises:
        AdaptLabError: if the file is missing or not JSON.
    """
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise AdaptLabError(
            f"{path} is not valid JSON ({error}). Restore the file, or make it again."
        ) from error


@contextmanager
def reading(path: Path, fix: str) -> Iterator[None]:
    """Report a file of the course with an unexpected structure as one AdaptLabError.

    `fix` tells the user what to do, as a sentence.
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
    """Check the free disk space before writing.

    Raises:
        AdaptLabError: if the file system has too little space.
    """
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free // 2**20
    if free < megabytes:
        raise AdaptLabError(
            f"{existing} has {free} MB free, but {megabytes} MB are needed. Free disk space"
            " and run the command again."
        )
