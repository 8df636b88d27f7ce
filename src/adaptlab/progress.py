"""Progress bars, which can be turned off: by TQDM_DISABLE=1, as for all of tqdm's, or from code."""

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
    """A bar over `items`, with tqdm's options; none where bars are off, or where there
    are `few`.
    """
    return tqdm(items, disable=few or not bars_are_on(), **options)
