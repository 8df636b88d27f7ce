"""Colab: whether the session must be restarted after an installation."""

import sys
from importlib import metadata

CHECKED = ("numpy", "pyarrow", "transformers", "huggingface_hub", "pandas", "torch")


def stale_packages() -> list[str]:
    """Packages that were imported before an installation replaced their files."""
    stale = []
    for name in CHECKED:
        loaded = getattr(sys.modules.get(name), "__version__", None)
        if loaded and loaded != metadata.version(name):
            stale.append(name)
    return stale


def check_session() -> None:
    """Say so, in a sentence, if the session must be restarted; otherwise do nothing."""
    stale = stale_packages()
    if stale:
        raise RuntimeError(f"New versions of {', '.join(stale)} were installed: choose Runtime > Restart session, then run this cell again.")
