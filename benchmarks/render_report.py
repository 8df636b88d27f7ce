"""Write benchmarks/README.md from results/*.json, so that no number is typed: a table for each
benchmark, with its machine and date.

Run: python benchmarks/render_report.py
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from adaptlab.files import write_whole
from adaptlab.markdown import table

HERE = Path(__file__).parent
HEAD = """# Benchmarks

Each benchmark compares this package with a named peer in the same run, in alternation over several
rounds. Compare the ratios, because machines differ and are noisy. `make bench` measures everything
again, and `python benchmarks/render_report.py` writes this page from `results/`. For several
rounds, the page shows the median, then the minimum and the maximum.
"""


def told() -> str:
    """Return the page."""
    return "\n".join(
        [
            HEAD,
            *(
                _section(json.loads(path.read_text()))
                for path in sorted((HERE / "results").glob("*.json"))
            ),
        ]
    )


def _section(kept: dict) -> str:
    doc = ast.get_docstring(ast.parse((HERE / f"{kept['benchmark']}.py").read_text()))
    text = doc.partition("\nRun:")[0].strip()
    rows = ((" · ".join(path), value) for path, value in _flat(kept["results"]))
    place = f"{kept['cores']} cores of {kept['processor']}, {kept['date']}."
    figures = [f"![{alt}](results/{name})" for name, alt in _figures(kept["results"])]
    parts = [f"## {kept['benchmark']}", text, place, *figures, table(("what", "measured"), rows)]
    return "\n\n".join(parts) + "\n"


def _figures(found: dict | list) -> Iterator[tuple[str, str]]:
    """Yield the name and the text alternative of each figure in a report."""
    if isinstance(found, dict) and "figure" in found:
        yield found["figure"], found["alternative"]
    parts = found.values() if isinstance(found, dict) else found
    for part in parts:
        if isinstance(part, dict | list):
            yield from _figures(part)


def _flat(found: dict | list, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each number with its path. A median with its minimum and maximum is one row, and so is
    an estimate with its interval.
    """
    if isinstance(found, list):
        for row in found:
            yield from _flat(row, path)
        return
    if found.keys() == {"value", "low", "high", "n"}:
        yield path, f"{found['value']} [{found['low']}, {found['high']}], n = {found['n']}"
        return
    spread = f" ({found['least']} to {found['most']})" if "least" in found else ""
    median = list(found)[list(found).index("least") - 1] if spread else ""
    for name, value in found.items():
        if isinstance(value, dict | list):
            yield from _flat(value, (*path, name))
        elif name not in (("least", "most") if spread else ("figure", "alternative")):
            yield (*path, name), f"{value}{spread if name == median else ''}"


if __name__ == "__main__":
    write_whole(HERE / "README.md", told())
