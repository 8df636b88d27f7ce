"""Public data sets: their manifest, how they are fetched, and where they are kept."""

import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from huggingface_hub.file_download import http_get

from adaptlab.errors import AdaptLabError
from adaptlab.files import make_folder, read_text, require_disk
from adaptlab.models.assets import File, assets_folder
from adaptlab.models.sources import UNREACHABLE
from adaptlab.models.whole_file import WholeFile

MANIFEST = Path(__file__).parent / "data.toml"
ADDRESS = "https://raw.githubusercontent.com/{repository}/{commit}/{path}"


@dataclass(frozen=True)
class DataFile:
    """A file of a data set: its path in the repository, and what its bytes have to be."""

    path: str
    size: int
    sha256: str

    @property
    def known(self) -> File:
        return File(self.size, self.sha256)


@dataclass(frozen=True)
class DataSet:
    """A public data set; `files` by the names under which they are kept."""

    name: str
    what: str
    repository: str
    commit: str
    licence: str
    citation: str
    files: dict[str, DataFile]


def data_sets() -> dict[str, DataSet]:
    """Return all data sets of the manifest by name."""
    listed = tomllib.loads(read_text(MANIFEST))
    made = {}
    for name, about in listed.items():
        files = {key: DataFile(**known) for key, known in about.pop("files").items()}
        made[name] = DataSet(name, files=files, **about)
    return made


def data_folder(root: Path | None = None) -> Path:
    """Return the folder of all data sets, inside the assets folder by default."""
    return (root or assets_folder()) / "data"


def data_path(name: str, file: str) -> Path:
    """Return the path of a fetched file after checking its hash.

    Raises:
        AdaptLabError: if the data set is unknown, not fetched or damaged.
    """
    known = _data_set(name).files[file].known
    path = data_folder() / name / file
    if not known.matches(path):
        state = "damaged" if path.exists() else "not on this machine"
        raise AdaptLabError(f"The data {name} are {state}. Run: adaptlab fetch --data {name}")
    return path


def _data_set(name: str) -> DataSet:
    found = data_sets().get(name)
    if found is None:
        raise AdaptLabError(f"There are no data {name!r}. Choose from {', '.join(data_sets())}.")
    return found


def fetch_data(names: list[str], root: Path | None, source: str) -> Iterator[tuple[DataSet, Path]]:
    """Fetch data sets, all without a name; yield each with its folder once it is verified.

    `source` is "hub" for the repositories themselves, or a folder that holds the files anywhere
    inside: a file is recognised by its hash. A file gets its name when its hash is correct.

    Raises:
        AdaptLabError: if a name is unknown, or a file cannot be had or is another.
    """
    chosen = [_data_set(name) for name in names] or list(data_sets().values())
    place = Path(source)
    if source != "hub" and not (source and place.is_dir()):
        raise AdaptLabError(
            f"{source!r} is not a source of data. Give hub, or a folder that holds the files."
        )
    missing = sum(file.size for each in chosen for file in each.files.values())
    require_disk(data_folder(root), missing // 2**20 + 1)
    for each in chosen:
        folder = data_folder(root) / each.name
        make_folder(folder)
        for name, file in each.files.items():
            if not file.known.matches(folder / name):
                _bring(each, name, file, folder, None if source == "hub" else place)
        yield each, folder


def _bring(data: DataSet, name: str, file: DataFile, folder: Path, place: Path | None) -> None:
    damaged = (
        f"{name} of {data.name} is damaged or another version, and was removed. Run the command"
        " again, or give --source."
    )
    append = partial(_download, data, file)
    if place is not None:
        append = partial(_copy, _with_hash(data, name, file, place))
    WholeFile(folder / name, file.known).bring(append, damaged)


def _with_hash(data: DataSet, name: str, file: DataFile, place: Path) -> Path:
    """Return the file with these bytes anywhere in a folder."""
    matching = (path for path in place.rglob("*") if path.is_file() and file.known.matches(path))
    found = next(matching, None)
    if found is None:
        raise AdaptLabError(
            f"{place} does not contain the file {name} of {data.name} as the course knows"
            f" it. Get it from the repository {data.repository} at commit {data.commit}."
        )
    return found


def _copy(source: Path, part: BinaryIO) -> None:
    with source.open("rb") as file:
        file.seek(part.tell())
        shutil.copyfileobj(file, part)


def _download(data: DataSet, file: DataFile, part: BinaryIO) -> None:
    address = ADDRESS.format(repository=data.repository, commit=data.commit, path=file.path)
    if part.tell() == file.size:  # complete, but not yet renamed
        return
    try:
        http_get(
            address,
            part,
            resume_size=part.tell(),
            headers={"Accept-Encoding": "identity"},
            expected_size=file.size,
            displayed_filename=Path(file.path).name,
        )
    except UNREACHABLE as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise AdaptLabError(
            f"{data.name} could not be fetched from {data.repository} ({reason}). Run the same"
            " command again: it continues where it stopped. --source takes a folder."
        ) from error
