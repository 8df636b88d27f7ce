"""Inside the sandbox: run the cells of a notebook in IPython's shell, then answer calls, through
one pipe in and one pipe out. The grader trusts none of its answers.

It runs with only `codec.py` and `probes/` next to it. The rest of `adaptlab.grading` is not
available: the checks in a notebook do nothing here.
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
    """Replaces the checks: every attribute exists, and every call does nothing.

    Attributes that Python and IPython look up on any module, with leading underscores, do not
    exist.
    """

    def __getattr__(self, name: str) -> "Silent":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args, **kwargs) -> None:
        return None


def install_package(here: Path) -> None:
    """Make this folder the package `adaptlab.grading`, with checks that do nothing."""
    import adaptlab

    package: Any = types.ModuleType("adaptlab.grading")
    package.__path__ = [str(here)]
    package.check = Silent("check")
    sys.modules["adaptlab.grading"], sys.modules["adaptlab.grading.check"] = package, package.check
    vars(adaptlab)["grading"] = package


def private_pipes() -> tuple:
    """Return both pipes to the grader, and redirect stdin, stdout and stderr to /dev/null, so that
    print and input do not use the pipes.
    """
    lines = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    return lines, out


def make_shell():
    """Return IPython's shell, without a history on disk and without colours.

    Features of Jupyter that are missing here, such as GUI integration and extensions, must not
    cause errors.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None) -> None:
            """Do nothing: there is no screen."""

        def run_line_magic(self, magic_name, line, _stack_depth=1):
            try:
                return super().run_line_magic(magic_name, line, _stack_depth + 1)
            except Exception:
                self.showtraceback()

        def run_cell_magic(self, magic_name, line, cell):
            # Run the cell as plain code: %%timeit would not keep its variables.
            if magic_name == "timeit" or self.find_cell_magic(magic_name) is None:
                return self.ex(self.transform_cell(cell))
            return super().run_cell_magic(magic_name, line, cell)

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return Shell.instance(config=config)


def run_cell(shell, source: str) -> str | None:
    """Run a cell; returns its error in one line, or None."""
    importlib.invalidate_caches()  # a module may have been written since
    result = shell.run_cell(source, store_history=False, silent=False)
    if result.error_in_exec:
        go_on(shell, source, result.error_in_exec)
    error = result.error_before_exec or result.error_in_exec
    return None if error is None else f"{type(error).__name__}: {error}"[:500]


def go_on(shell, source: str, error: BaseException) -> None:
    """Run the statements below a line that failed: it may fail only in the sandbox."""
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
    """Return the encoded result of one call."""
    from adaptlab.grading.codec import Raised, decode, encode

    if "read" in message:
        return encode({name: shell.user_ns.get(name) for name in message["read"]})
    module, _, name = message["probe"].rpartition(".")
    try:
        probe = getattr(
            importlib.import_module(f"adaptlab.grading.probes{'.' * bool(module)}{module}"), name
        )
        given = [decode(arg, tensors=True) for arg in message["args"]]
        if not message["name"]:  # no student code is called: the probe does all the work
            return encode(probe(*given))
        if message["name"] not in shell.user_ns:
            raise NameError(f"name {message['name']!r} is not defined")
        return encode(probe(shell.user_ns[message["name"]], *given))
    except BaseException as error:  # such as GeneratorExit and asyncio.CancelledError
        return encode(Raised.of(error))


def main(here: Path) -> None:
    """Serve until the other end is closed; `here` is the folder of the harness inside the
    sandbox.
    """
    lines, out = private_pipes()

    def say(number: str, **message) -> None:
        """Write the id before the JSON: the grader checks the id before it decodes the rest."""
        out.write(f"{number} {json.dumps(message)}\n".encode())
        out.flush()

    if (here / "matplotlib").is_dir():  # a font list that takes seconds to make
        shutil.copytree(here / "matplotlib", os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)
    install_package(here)
    sys.path.insert(0, "")  # as in Jupyter: a notebook can import modules that it has written
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
