"""The command line for the assets of the course: adaptlab fetch."""

from pathlib import Path
from typing import Annotated

import typer

from adaptlab.errors import AdaptLabError


def fetch(
    names: Annotated[
        list[str], typer.Argument(help="Assets by name; default: all of the profile.")
    ] = [],
    profile: Annotated[
        str, typer.Option(help="cpu (which comes with the installation), real or gpu.")
    ] = "gpu",
    to: Annotated[
        Path | None,
        typer.Option(help=("Target folder; default: ADAPTLAB_ASSETS, or ~/.cache/adaptlab.")),
    ] = None,
    source: Annotated[
        str,
        typer.Option(help="hub, packages, the address of a mirror, or a folder that --to filled."),
    ] = "hub",
    data: Annotated[
        bool,
        typer.Option(
            "--data", help="Fetch public data sets by name instead of models; default: all."
        ),
    ] = False,
    listing: Annotated[
        bool,
        typer.Option(
            "--list",
            help="Only list all assets: licence, size, and whether each is here and verified.",
        ),
    ] = False,
) -> None:
    """Fetch the models of a profile and verify them by hash, for machines without the hub; the same
    command resumes.
    """
    from adaptlab.models.assets import assets_folder, choose, manifest

    if data:
        from adaptlab.evals.real_tasks.data_files import fetch_data

        for each, folder in fetch_data(names, to, source):
            print(f"{each.name}: {each.what}; licence {each.licence}; {each.citation}")
            print(f"{each.name}: verified in {folder}", flush=True)
        return
    root = to or assets_folder()
    if listing:
        print(f"{'name':<24}{'kind':<22}{'licence':<12}{'profile':<9}{'MB':>7}  {'gated':<7}here")
        for asset in manifest().values():
            print(_row(asset, root))
        return
    from adaptlab.models.fetch import fetch as bring
    from adaptlab.models.sources import source_of

    chosen = choose(names, profile)
    origin = source_of(source)
    for asset in chosen:
        place = asset.repository or asset.package
        print(f"{asset.name}: {place}, licence {asset.licence}", flush=True)
        if asset.note:
            print(f"{asset.name}: {asset.note}", flush=True)
    for asset, folder in bring(chosen, root, origin):
        print(f"{asset.name}: verified in {folder}", flush=True)
        if asset.gguf and root == assets_folder():
            from adaptlab.models.gguf import gguf_folder

            print(f"{asset.name}: dequantised in {gguf_folder(asset.name)}", flush=True)


def _row(asset, root: Path) -> str:
    """An asset as a line of the table; its size is the folder's size, or the size in the
    manifest.
    """
    from adaptlab.models.load_model import asset_folder

    try:
        folder = asset_folder(asset, root)
        state = "verified" if folder else "begun" if (root / asset.repository).exists() else "no"
    except AdaptLabError as error:
        folder = None
        state = f"no: {error}"
    sizes = (
        [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        if folder
        else [file.size for file in asset.files.values()]
    )
    profiles = "+".join(asset.profiles)
    gated = "yes" if asset.gated else "no"
    return (
        f"{asset.name:<24}{asset.kind:<22}{asset.licence:<12}{profiles:<9}{sum(sizes) / 1e6:>7,.0f}"
        f"  {gated:<7}{state}"
    )
