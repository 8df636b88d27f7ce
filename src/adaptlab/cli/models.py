"""adaptlab models: rebuild the embedded models, install them, print their card."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.options import Dtype, Folder
from adaptlab.errors import AdaptLabError
from adaptlab.models.precision import use_format

models_app = typer.Typer(
    no_args_is_help=True, help="The embedded models: rebuild them, install them, print their card."
)


@models_app.command("make")
def models_make(
    quick: Annotated[
        bool, typer.Option(help="Train only mini, on a quarter of its tokens, in about 20 minutes.")
    ] = False,
    seed: int = 0,
    folder: Folder = Path("."),
    dtype: Dtype = "",
) -> None:
    """Rebuild the embedded models from scratch into build/models; the same command resumes."""
    use_format(dtype)
    from adaptlab.files import require_disk
    from adaptlab.models.make import make_models

    require_disk(folder, 1000)
    target = folder / "build" / ("models-quick" if quick else "models")
    make_models(target, budget="quick" if quick else "full", seed=seed)
    print(f"models: {target / 'export'}")


@models_app.command("reranker")
def models_reranker(seed: int = 0, folder: Folder = Path("."), dtype: Dtype = "") -> None:
    """Fine-tune the embedded reranker again into build/models/export, in about half an hour on one
    core.
    """
    use_format(dtype)  # before minutes of searching
    from adaptlab.course.reranker_lists import reranker_lists
    from adaptlab.files import make_folder
    from adaptlab.tune.reranker import tune_reranker

    target = folder / "build" / "models" / "export" / "reranker"
    make_folder(target)
    tune_reranker(target, reranker_lists(seed=seed), seed=seed, dtype=dtype)
    print(f"reranker: {target}")


@models_app.command("assistant")
def models_assistant(folder: Folder = Path("."), dtype: Dtype = "") -> None:
    """Fine-tune the support assistant of lesson 09 again into build/models/export, in a few
    minutes.
    """
    use_format(dtype)
    from adaptlab.course.assistant import NAME, make_assistant
    from adaptlab.models.local import LocalChat

    target = folder / "build" / "models" / "export" / NAME
    print(f"assistant: {make_assistant(target, LocalChat('embedded:chat'))}")


@models_app.command("install")
def models_install(
    source: Annotated[Path, typer.Argument(help="The export folder of `models make`.")],
) -> None:
    """Install rebuilt models into the package (for developers)."""
    from adaptlab.models.load_model import WEIGHTS, write_hashes

    found = sorted(path for path in source.glob("*") if (path / "training.json").exists())
    if not found:
        raise AdaptLabError(
            f"{source} does not contain finished models. Run `adaptlab models make` first."
        )
    for path in found:
        shutil.copytree(path, WEIGHTS / path.name, dirs_exist_ok=True)
    write_hashes()
    print("\n".join(path.name for path in found))


@models_app.command("compare")
def models_compare(
    export: Annotated[Path, typer.Argument(help="The export folder of `models make`.")],
    n: Annotated[int, typer.Option(min=1, help="Cases for each row.")] = 200,
) -> None:
    """Measure rebuilt models and print their differences from the shipped models."""
    from adaptlab.evals import card

    card.save_card(card.measure_card(_chat_models(export), n), export)
    print(card.compare(card.read_card(export), card.read_card()))


def _chat_models(folder: Path) -> dict[str, str]:
    models = {
        path.name: str(path)
        for path in sorted(folder.glob("*-chat"))
        if (path / "training.json").exists()
    }
    if not models:
        raise AdaptLabError(
            f"{folder} does not contain finished chat models. Run `adaptlab models make` first."
        )
    return models


@models_app.command("card")
def models_card(
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON.")] = False,
    measure: Annotated[bool, typer.Option(help="Measure again and write the card.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(help="Measure the models in this folder instead of the package's."),
    ] = None,
    n: Annotated[int, typer.Option(min=1, help="Cases for each row.")] = 500,
) -> None:
    """Print the model card."""
    from adaptlab.evals import card

    if measure:
        card.save_card(
            card.measure_card(_chat_models(export or card.WEIGHTS), n), export or card.WEIGHTS
        )
    rows = card.read_card(export or card.WEIGHTS)
    print(
        card.to_json(rows) if as_json else card.to_markdown(rows, export or card.WEIGHTS),
        end="\n" if as_json else "",
    )
