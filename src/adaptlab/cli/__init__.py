"""The command line: a file for each group of commands."""

from adaptlab.cli.app import main

__all__ = ["main"]
