"""The page for decisions: Brython runs the package's own modules in the reader's browser, without a
server and also from a file.
"""

import ast
import importlib.resources
import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from adaptlab.course.decisions import WORLD, baselines, matrix_of
from adaptlab.course.site.places import TEMPLATES
from adaptlab.decide import in_page
from adaptlab.studies.real_models.measured_bank import measured_models

OURS = "adaptlab"
FIRST_TASK = "handbook"  # which every lever was measured on
RUNTIME = ("brython.js", "brython_stdlib.js")  # of the package brython


def modules(name: str = in_page.__name__) -> dict[str, str]:
    """Return the sources of a module, of all modules of this package that it imports at its top,
    and of their packages, by dotted name.
    """
    found: dict[str, str] = {}
    wanted = [name]
    while wanted:
        one = wanted.pop()
        if one in found:
            continue
        spec = find_spec(one)
        assert spec is not None and spec.origin is not None  # our own module
        found[one] = Path(spec.origin).read_text(encoding="utf-8")
        for statement in ast.parse(found[one]).body:
            module = statement.module if isinstance(statement, ast.ImportFrom) else None
            if module and module.split(".")[0] == OURS:
                wanted.append(module)
        if "." in one:
            wanted.append(one.rpartition(".")[0])
    return found


def _virtual_files() -> str:
    """Return a script that brings the modules into Brython's file system."""
    sources = modules()
    files = {}
    for name, source in sources.items():
        is_package = any(other.startswith(f"{name}.") for other in sources)
        files[name] = [".py", source, [], *([True] if is_package else [])]
    return f"__BRYTHON__.use_VFS = true;\n__BRYTHON__.update_VFS({json.dumps(files)});\n"


def recorded_numbers() -> dict[str, Any]:
    """Return the measurements of every model on which the bank was measured, and the
    baselines.
    """
    models = {name: in_page.measurements(*matrix_of(name)) for name in (WORLD, *measured_models())}
    without_model = {
        task: {str(n): list(vars(one).values()) for n, one in by_n.items()}
        for task, by_n in baselines().items()
    }
    return {"models": models, "baselines": without_model}


def static_files() -> Iterator[tuple[str, bytes]]:
    """Return the scripts of the page by file name."""
    data = importlib.resources.files("brython") / "data"
    for name in RUNTIME:
        yield name, (data / name).read_bytes()
    yield "decide_modules.js", _virtual_files().encode()


def decide_form(found: Mapping[str, Any] | None = None) -> Markup:
    """Return the form with the measurements and the script that shows the answer as HTML."""
    found = found or recorded_numbers()
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return Markup(
        environment.get_template("decide_form.html").render(
            models={name: list(tasks) for name, tasks in found["models"].items()},
            first_task=FIRST_TASK,
            conditions=in_page.CONDITIONS,
            prices=in_page.PRICES,
            data=Markup(json.dumps(found).replace("</", "<\\/")),
        )
    )
