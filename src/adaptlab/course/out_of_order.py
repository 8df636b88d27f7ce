"""A sentence for a cell that runs before the cells that it needs, above Python's NameError.

`make lab` names this file as PYTHONSTARTUP, which every Python kernel runs when it starts.
"""

import sys


def advice(name: str) -> str:
    """Return what a student can do about an undefined name."""
    return (
        f"{name!r} is not defined yet. If an earlier cell defines it, run the cells above first:"
        " in JupyterLab, Run > Run All Above Selected Cell."
    )


def _show(shell, kind, error, traceback, tb_offset=None) -> None:
    print(advice(error.name), file=sys.stderr)
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)


def register() -> None:
    """Show the advice for every NameError of this notebook; outside of a notebook, do nothing."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if shell := get_ipython():
        shell.set_custom_exc((NameError,), _show)


if __name__ == "__main__":
    register()
