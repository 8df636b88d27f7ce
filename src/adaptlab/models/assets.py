"""What the course loads: the manifest of its assets, the folder of fetched ones, and the lock
against which they are verified.

`assets.toml` pins what public sources confirmed: the commit, and size and SHA-256 of weights and
tokenizers. All else that a repository holds is recorded by the first fetch, as the hub states it
for that commit, in `assets.lock.json` beside the fetched files; each later fetch and each load is
verified against it.
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
    """What a file should be: bytes, and SHA-256 in hexadecimal; before its first fetch a small file
    of the hub has only git's hash, `blob`.
    """

    size: int
    sha256: str = ""
    blob: str = ""

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` is there and is this one."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        if self.sha256:
            return sha256(path) == self.sha256
        from huggingface_hub.utils.sha import git_hash

        return git_hash(path.read_bytes()) == self.blob

    def agrees_with(self, stated: "File | None") -> bool:
        """Whether what a source states of this file does not contradict its size and SHA-256."""
        return (
            stated is not None and stated.size == self.size and stated.sha256 in ("", self.sha256)
        )


@dataclass(frozen=True)
class Asset:
    """A model of the manifest: in a package on PyPI, or in a repository of the hub at a commit.
    `files` are those whose hashes were confirmed beforehand.
    """

    name: str
    kind: str
    licence: str
    profiles: list[str]
    package: str = ""
    repository: str = ""
    commit: str = ""
    gated: bool = False
    files: dict[str, File] = field(default_factory=dict)

    @property
    def model_id(self) -> str:
        """What loads it."""
        return (
            f"hub:{self.repository}"
            if self.repository
            else f"embedded:{self.name}"
            if self.package == "adaptlab"
            else self.name
        )


@dataclass(frozen=True)
class Locked:
    """A repository as it was fetched: its commit, and every file by its path in the repository."""

    commit: str
    files: dict[str, File]


def manifest() -> dict[str, Asset]:
    """Every asset of the course, by name."""
    listed = tomllib.loads(read_text(MANIFEST))
    return {
        name: Asset(name, **about | {"files": _files(about.get("files", {}))})
        for name, about in listed.items()
    }


def choose(names: list[str], profile: str) -> list[Asset]:
    """The assets of these names, or without a name all of a profile; an AdaptLabError for an
    unknown name or profile.
    """
    assets = manifest()
    if unknown := [name for name in names if name not in assets]:
        raise AdaptLabError(f"There is no asset {unknown[0]!r}; choose among {', '.join(assets)}.")
    chosen = [assets[name] for name in names] or [
        asset for asset in assets.values() if profile in asset.profiles
    ]
    if not chosen:
        profiles = sorted({each for asset in assets.values() for each in asset.profiles})
        raise AdaptLabError(
            f"There is no profile {profile!r}; choose one of {', '.join(profiles)}."
        )
    return chosen


def assets_folder() -> Path:
    """Where fetched assets lie: ADAPTLAB_ASSETS, or adaptlab/ in XDG_CACHE_HOME or in ~/.cache."""
    if given := os.environ.get("ADAPTLAB_ASSETS"):
        return Path(given).expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "adaptlab"


def read_lock(root: Path) -> dict[str, Locked]:
    """What was fetched into an assets' folder, by repository; empty where nothing was."""
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
            f"{path} is damaged; move it away and run `adaptlab fetch` again, which keeps the files"
            " that are right."
        ) from error


def write_lock(root: Path, repository: str, locked: Locked) -> None:
    """Record a repository whose files are all there and verified; what is recorded already is not
    written again, as the folder may be one to read only.
    """
    before = read_lock(root)
    if before.get(repository) != locked:
        entries = {name: asdict(entry) for name, entry in (before | {repository: locked}).items()}
        write_whole(root / LOCK, json.dumps(entries, indent=1) + "\n")


def fetched_folder(repository: str, root: Path | None = None) -> Path | None:
    """The folder of a fetched repository of the hub, after its files' hashes are checked; None if
    it was not fetched.
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
            f"The fetched file {folder / wrong} is damaged or missing; run `adaptlab fetch` again,"
            " which brings what is not right."
        )
    return folder


def wheel_folder(asset: Asset) -> Path:
    """Where a package from PyPI keeps its model; an AdaptLabError if it is missing or damaged."""
    try:
        files = [Path(file.locate()) for file in metadata.files(asset.package) or []]
    except metadata.PackageNotFoundError as error:
        raise AdaptLabError(
            f"The model {asset.name} is not installed; run: pip install {asset.package}"
        ) from error
    found = {
        name: next((path for path in files if path.name == name), None) for name in asset.files
    }
    if wrong := [
        name for name, path in found.items() if path is None or not asset.files[name].matches(path)
    ]:
        raise AdaptLabError(
            f"The file {wrong[0]} of {asset.name} is damaged; run: pip install --force-reinstall"
            f" {asset.package}"
        )
    return next(path for path in found.values() if path).parent


def _files(listed: dict[str, dict]) -> dict[str, File]:
    return {name: File(**known) for name, known in listed.items()}
