"""Fetch assets from a source into a folder.

Fetches are resumable, and a file is verified before it gets its name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from adaptlab.errors import AdaptLabError
from adaptlab.files import require_disk, sha256
from adaptlab.models.assets import Asset, File, Locked, read_lock, write_lock
from adaptlab.models.load_model import asset_folder
from adaptlab.models.sources import Source, gated
from adaptlab.models.whole_file import WholeFile


@dataclass(frozen=True)
class Order:
    """An asset of the hub with its expected files, and the target folder."""

    asset: Asset
    locked: Locked
    folder: Path

    def missing(self) -> list[str]:
        """The files that are missing or not correct."""
        return [
            name
            for name, known in self.locked.files.items()
            if not known.matches(self.folder / name)
        ]

    def file(self, name: str) -> WholeFile:
        return WholeFile(self.folder / name, self.locked.files[name])

    def bring(self, name: str, source: Source) -> None:
        """Fetch one file, complete and verified.

        Raises:
            AdaptLabError: if that is not possible.
        """
        file = self.file(name)
        append = partial(source.append, self.asset, self.locked.commit, name, file.known)
        damaged = (
            f"{name} of {self.asset.name} from {source} is damaged and was removed. Fetch"
            " it from another source."
        )
        file.bring(append, damaged)

    def recorded(self) -> Locked:
        """The record for the lock file: SHA-256 also of files for which the hub states another
        hash.
        """
        files = {
            name: File(known.size, known.sha256 or sha256(self.folder / name))
            for name, known in self.locked.files.items()
        }
        return Locked(self.locked.commit, files)


def fetch(chosen: Sequence[Asset], root: Path, source: Source) -> Iterator[tuple[Asset, Path]]:
    """Fetch the missing files of each asset into `root`; yield each asset with its folder once it
    is verified.

    Assets of packages are verified in place. The disk space is checked before anything is written.
    A file keeps a temporary name until its hash is correct, and an interrupted fetch resumes within
    it.

    Raises:
        AdaptLabError: if an asset is gated, a source states another hash than the manifest, or a
            file is damaged.
    """
    orders = {
        asset.name: Order(asset, _expected(asset, root, source), root / asset.repository)
        for asset in chosen
        if asset.repository
    }
    missing = {name: order.missing() for name, order in orders.items()}
    require_disk(
        root,
        -(
            -sum(
                orders[name].file(file).bytes_left()
                for name, files in missing.items()
                for file in files
            )
            // 2**20
        ),
    )
    for asset in chosen:
        if asset.name not in orders:
            yield asset, asset_folder(asset)  # type: ignore[misc]  # its package is installed
            continue
        order = orders[asset.name]
        for file in missing[asset.name]:
            order.bring(file, source)
        write_lock(root, asset.repository, order.recorded())
        yield asset, order.folder


def _expected(asset: Asset, root: Path, source: Source) -> Locked:
    """Return the expected files of an asset: from the lock file if its commit was fetched before,
    else from the source.

    The manifest applies in any case.
    """
    if asset.gated:
        raise gated(asset)
    locked = read_lock(root).get(asset.repository)
    if locked is None or asset.commit not in ("", locked.commit):
        locked = source.listing(asset)
    if asset.commit not in ("", locked.commit):
        raise AdaptLabError(
            f"{source} has {asset.name} at commit {locked.commit}, but the course uses"
            f" {asset.commit}. Fetch it from another source."
        )
    if wrong := [
        name for name, known in asset.files.items() if not known.agrees_with(locked.files.get(name))
    ]:
        raise AdaptLabError(
            f"{source} has another {wrong[0]} for {asset.name} than the course's manifest."
            " Fetch it from another source."
        )
    if outside := [
        name
        for name in locked.files
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts
    ]:
        raise AdaptLabError(
            f"{source} would write {outside[0]!r} outside the folder of {asset.name}. Fetch"
            " it from another source."
        )
    return Locked(locked.commit, locked.files | asset.files)
