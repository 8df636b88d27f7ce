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
            help="NAME=FOLDER, once per adapter; each adapter is one more model under its name."
        ),
    ] = [],
    host: Annotated[
        str,
        typer.Option(
            help=(
                "Address to listen at; 0.0.0.0 is open to the network, so set an API key with it."
            )
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free port.")] = 8000,
    dtype: Annotated[
        str,
        typer.Option(
            help=(
                "Number format of the weights: float32 or bfloat16; default: bfloat16 on a GPU that"
                " supports it."
            )
        ),
    ] = "",
    api_key: Annotated[
        str,
        typer.Option(
            envvar="ADAPTLAB_API_KEY",
            help="Only answer requests with this key.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Serve a model with an OpenAI-compatible API, by `transformers serve`. Adapters share one base
    in memory, each under its own name.
    """
    from adaptlab.models import serve

    serve.serve(model, _named(adapter), host, port, api_key, dtype)


def _named(adapters: list[str]) -> dict[str, str]:
    """Parse NAME=FOLDER into adapters by name."""
    pairs = [given.partition("=") for given in adapters]
    if wrong := [
        given for given, (name, _, folder) in zip(adapters, pairs) if not (name and folder)
    ]:
        raise AdaptLabError(f"{wrong[0]!r} does not name an adapter. Write NAME=FOLDER.")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise AdaptLabError("Two adapters have the same name. Give each adapter its own name.")
    return {name: folder for name, _, folder in pairs}
