"""benchmarks/README.md from results/*.json, so that no figure is typed: a table for each benchmark,
with its machine and date.

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

Each compares with a named peer in the same run, in turns over several rounds. The ratios count:
machines differ and are noisy. `make bench` measures all again, and
`python benchmarks/render_report.py` writes this page from `results/`. Of several rounds, the
median comes first, then the least and the most.
"""


def told() -> str:
    """The page."""
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
    return (
        "\n\n".join([f"## {kept['benchmark']}", text, place, table(("what", "measured"), rows)])
        + "\n"
    )


def _flat(found: dict | list, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each figure with where it stands; a median with its least and most is one, and so is an
    estimate with its interval.
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
        elif not spread or name not in ("least", "most"):
            yield (*path, name), f"{value}{spread if name == median else ''}"


if __name__ == "__main__":
    write_whole(HERE / "README.md", told())
