"""Public data sets: their manifest, how they are fetched, and where they are kept."""

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub.file_download import http_get

from adaptlab.errors import AdaptLabError
from adaptlab.files import make_folder, read_text, require_disk
from adaptlab.models.assets import File, assets_folder
from adaptlab.models.fetch import UNREACHABLE

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
    part = folder / f".{name}.{file.sha256[:12]}.part"
    try:
        if place is None:
            _download(data, file, part)
        else:
            same_size = (p for p in place.rglob("*") if p.is_file() and file.known.matches(p))
            found = next(same_size, None)
            if found is None:
                raise AdaptLabError(
                    f"{place} does not contain the file {name} of {data.name} as the course knows"
                    f" it. Get it from the repository {data.repository} at commit {data.commit}."
                )
            part.write_bytes(found.read_bytes())
    except OSError as error:
        raise AdaptLabError(
            f"{part} could not be written ({error.strerror}). Check the disk and run the command"
            " again."
        ) from error
    if not file.known.matches(part):
        part.unlink()
        raise AdaptLabError(
            f"{name} of {data.name} is damaged or another version, and was removed. Run the"
            " command again, or give --source."
        )
    os.replace(part, folder / name)


def _download(data: DataSet, file: DataFile, part: Path) -> None:
    address = ADDRESS.format(repository=data.repository, commit=data.commit, path=file.path)
    try:
        with part.open("ab") as target:
            if target.tell() >= file.size:
                target.seek(0)
                target.truncate()
            http_get(
                address,
                target,
                resume_size=target.tell(),
                headers={"Accept-Encoding": "identity"},
                expected_size=file.size,
                displayed_filename=part.name,
            )
    except UNREACHABLE as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise AdaptLabError(
            f"{data.name} could not be fetched from {data.repository} ({reason}). Run the same"
            " command again: it continues where it stopped. --source takes a folder."
        ) from error
