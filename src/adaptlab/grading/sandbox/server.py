"""Inside the box: runs the cells of a notebook in IPython's shell, then answers calls, over one
pipe in and one out. Nothing that it says is a verdict.

It stands alone with `wire.py` and `probes/` beside it. The rest of `adaptlab.grading` is not there:
checks beside the exercises do nothing here.
"""

import ast
import contextlib
import importlib
import json
import os
import shutil
import sys
import types
from pathlib import Path
from typing import Any


class Silent(types.ModuleType):
    """Stands for the checks: whatever is asked of it does nothing.

    What Python and IPython ask of any module, names with underscores, it does not have.
    """

    def __getattr__(self, name: str) -> "Silent":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args, **kwargs) -> None:
        return None


def install_package(here: Path) -> None:
    """Make `adaptlab.grading` this folder, with checks that do nothing."""
    import adaptlab

    package: Any = types.ModuleType("adaptlab.grading")
    package.__path__ = [str(here)]
    package.check = Silent("check")
    sys.modules["adaptlab.grading"], sys.modules["adaptlab.grading.check"] = package, package.check
    vars(adaptlab)["grading"] = package


def private_pipes() -> tuple:
    """The two ends of the conversation, taken from where a print or an input would find them."""
    lines = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    return lines, out


def make_shell():
    """IPython's shell, without a history on the disk and without colours.

    What works in a student's Jupyter and not here, as a widget or an extension, costs nothing.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None) -> None:
            """There is no screen."""

        def run_line_magic(self, magic_name, line, _stack_depth=1):
            try:
                return super().run_line_magic(magic_name, line, _stack_depth + 1)
            except Exception:
                self.showtraceback()

        def run_cell_magic(self, magic_name, line, cell):
            # Which keeps no name.
            if magic_name == "timeit" or self.find_cell_magic(magic_name) is None:
                return self.ex(self.transform_cell(cell))
            return super().run_cell_magic(magic_name, line, cell)

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return Shell.instance(config=config)


def run_cell(shell, source: str) -> str | None:
    """The error that a cell ended with, in a line, or None."""
    importlib.invalidate_caches()  # a module may have been written since
    result = shell.run_cell(source, store_history=False, silent=False)
    if result.error_in_exec:
        go_on(shell, source, result.error_in_exec)
    error = result.error_before_exec or result.error_in_exec
    return None if error is None else f"{type(error).__name__}: {error}"[:500]


def go_on(shell, source: str, error: BaseException) -> None:
    """Run what stands below a line that failed: here it may lack what it has elsewhere."""
    step = error.__traceback__
    while step and step.tb_frame.f_globals is not shell.user_ns:
        step = step.tb_next
    if step is None:
        return
    for statement in ast.parse(shell.transform_cell(source)).body:
        if statement.lineno > step.tb_lineno:
            with contextlib.suppress(Exception, SystemExit):
                exec(compile(ast.Module([statement], []), "<cell>", "exec"), shell.user_ns)


def answer(shell, message: dict):
    """The result of one call, as plain data."""
    from adaptlab.grading.codec import Raised, decode, encode

    if "read" in message:
        return encode({name: shell.user_ns.get(name) for name in message["read"]})
    module, _, name = message["probe"].rpartition(".")
    try:
        probe = getattr(
            importlib.import_module(f"adaptlab.grading.probes{'.' * bool(module)}{module}"), name
        )
        given = [decode(arg, tensors=True) for arg in message["args"]]
        if not message["name"]:  # nothing of a student's is called: the probe itself does it all
            return encode(probe(*given))
        if message["name"] not in shell.user_ns:
            raise NameError(f"name {message['name']!r} is not defined")
        return encode(probe(shell.user_ns[message["name"]], *given))
    except BaseException as error:  # as GeneratorExit, and what leaves a task of asyncio
        return encode(Raised.of(error))


def main(here: Path) -> None:
    """Serve until the other end is closed; `here` is the folder of the harness as the
    box sees it.
    """
    lines, out = private_pipes()

    def say(number: str, **message) -> None:
        """The number stands before the JSON: the grader asks who speaks before it reads what."""
        out.write(f"{number} {json.dumps(message)}\n".encode())
        out.flush()

    if (here / "matplotlib").is_dir():  # a list of fonts that takes seconds to make
        shutil.copytree(here / "matplotlib", os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)
    install_package(here)
    sys.path.insert(0, "")  # as in Jupyter: a notebook imports what it has written beside itself
    shell = make_shell()
    say("ready")
    for line in lines:
        message = json.loads(line)
        if "source" in message:
            say(message["id"], error=run_cell(shell, message["source"]))
        else:
            say(message["id"], value=answer(shell, message))


if __name__ == "__main__":
    main(Path(__file__).parent)
