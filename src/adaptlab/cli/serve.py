"""adaptlab serve: an OpenAI-compatible server for a model and its adapters."""

from typing import Annotated

import typer

from adaptlab.errors import AdaptLabError


def serve(
    model: Annotated[
        str, typer.Argument(help="embedded:chat, hub:org/name or a path.")
    ] = "embedded:chat",
    adapter: Annotated[
        list[str],
        typer.Option(
            help="NAME=FOLDER, as often as there are adapters: each is one more model, by its name."
        ),
    ] = [],
    host: Annotated[
        str,
        typer.Option(
            help=(
                "Address to listen at; 0.0.0.0 for all who reach this machine, who should then need"
                " an API key."
            )
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8000,
    dtype: Annotated[
        str,
        typer.Option(
            help=(
                "Number format of the weights: float32 or bfloat16; if not given, bfloat16 on a GPU"
                " that has it."
            )
        ),
    ] = "",
    api_key: Annotated[
        str,
        typer.Option(
            envvar="ADAPTLAB_API_KEY",
            help="Answer only those who send this key.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Serve a model with an OpenAI-compatible API, by `transformers serve`; with adapters, each by
    a name of its own, on one base in memory.
    """
    from adaptlab.models import serve

    serve.serve(model, _named(adapter), host, port, api_key, dtype)


def _named(adapters: list[str]) -> dict[str, str]:
    """Adapters by name, from NAME=FOLDER."""
    pairs = [given.partition("=") for given in adapters]
    if wrong := [
        given for given, (name, _, folder) in zip(adapters, pairs) if not (name and folder)
    ]:
        raise AdaptLabError(f"{wrong[0]!r} does not name an adapter; write NAME=FOLDER.")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise AdaptLabError("Two adapters have the same name; give each its own.")
    return {name: folder for name, _, folder in pairs}
