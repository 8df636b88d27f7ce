"""Progress bars. TQDM_DISABLE=1 turns them off, as for all of tqdm's bars, and so does code."""

import os
from collections.abc import Iterable

from tqdm.auto import tqdm

SWITCH = "TQDM_DISABLE"  # tqdm's own, which the libraries below and processes of ours obey too


def show_progress_bars(on: bool) -> None:
    """Turn all bars on or off, in this process and in those that it starts."""
    os.environ[SWITCH] = "" if on else "1"


def bars_are_on() -> bool:
    return os.environ.get(SWITCH, "").lower() in ("", "0", "false")


def progress_bar(items: Iterable | None = None, few: bool = False, **options) -> tqdm:
    """Show a bar over `items`, with tqdm's options; no bar if bars are off or items are `few`."""
    return tqdm(items, disable=few or not bars_are_on(), **options)
