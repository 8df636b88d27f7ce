"""Rules that every lesson keeps."""

import ast
import builtins
import re
import textwrap
import tomllib
from pathlib import Path

import nbformat
import pytest
from solved_lessons import solved_lesson

from adaptlab import plots
from adaptlab.course.predictions import DONE_MIME
from adaptlab.evals.card import read_card
from adaptlab.evals.claims import claims

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
LABS = sorted((ROOT / "labs").glob("lab*.ipynb"))
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
# Derived line by line in a lesson, whose cell holds it against the package's.
DERIVED = {"06_preferences": {"dpo_loss"}, "07_forgetting": {"with_replay"}}


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def path(request):
    return request.param


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_every_exercise_has_a_solution_that_can_replace_the_students_code(path):
    """`make test` runs the solved lessons: their checks must accept the solutions."""
    checks = [cell.source.count("\ncheck(") for cell in code_cells(path)]
    solved = [cell.source for cell in solved_lesson(nbformat.read(path, 4)).cells]
    assert sum("assert is_accepted" in source for source in solved) == sum(checks)


EXECUTE = "execute it in its place, as step 5 of CONTRIBUTING's 'Add a claim' says"


def plain(source):
    """The cell without IPython's magics, so that it parses."""
    return re.sub(r"^(\s*)%.*$", r"\1pass", source, flags=re.M)


def test_cells_are_short_and_paths_are_left_alone(path):
    for cell in code_cells(path):
        n_lines = len(cell.source.splitlines())
        assert n_lines <= 40 or cell.id == "imports", (
            f"{cell.id} has {n_lines} lines; split it, 40 are enough"
        )
        assert "sys.path" not in cell.source and "autoreload" not in cell.source, cell.id


@pytest.mark.parametrize("notebook", LESSONS + LABS, ids=lambda notebook: notebook.stem)
def test_no_comprehension_stands_in_another(notebook):
    for cell in code_cells(notebook):
        for outer in ast.walk(ast.parse(plain(cell.source))):
            if isinstance(outer, COMPREHENSIONS):
                n_inner = sum(isinstance(node, COMPREHENSIONS) for node in ast.walk(outer)) - 1
                assert not n_inner, (
                    f"{cell.id}, line {outer.lineno}: a comprehension in another; give the inner"
                    " one a name, or write a loop"
                )


def test_the_first_cell_holds_the_parameters_and_colabs_installation_and_only_it_calls_pip(path):
    first, *rest = code_cells(path)
    assert "parameters" in first.metadata.tags
    assert 'profile: str = "cpu"' in first.source.splitlines()
    assert (
        f'%pip install -q "git+{REPOSITORY}"' in first.source
        and 'if "google.colab" in sys.modules' in first.source
    )
    assert f'prepare_session("{path.stem}", profile)' in first.source
    assert not [cell.id for cell in rest if re.search(r"\bpip\b", cell.source)]


def test_the_first_cell_opens_this_lesson_in_colab(path):
    place = REPOSITORY.removeprefix("https://")
    repository = place.replace(".com", "", 1)
    colab = "https://colab.research.google.com"
    link = f"{colab}/{repository}/blob/main/notebooks/{path.name}"
    assert f"[Open in Colab]({link})" in nbformat.read(path, as_version=4).cells[0].source


def test_imports_stand_in_the_first_two_cells(path):
    for cell in code_cells(path)[2:]:
        assert not [
            node
            for node in ast.walk(ast.parse(plain(cell.source)))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ], f"{cell.id} imports; that belongs into the second cell"


def test_no_function_or_class_is_defined_twice_or_already_in_the_package(path):
    defined = [
        node.name
        for cell in code_cells(path)
        for node in ast.walk(ast.parse(plain(cell.source)))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    assert not (twice := {name for name in defined if defined.count(name) > 1}), (
        f"defined twice: {twice}"
    )
    # What lab answers are held against is not for lessons.
    importable = [file for file in (ROOT / "src").rglob("*.py") if "labs" not in file.parts]
    package = {
        node.name
        for file in importable
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert not (both := set(defined) & package - DERIVED.get(path.stem, set())), (
        f"{both} is in the package already: import it, or give it another name"
    )


def test_outputs_are_kept_without_errors_and_the_lesson_was_closed(path):
    cells = code_cells(path)
    assert all(cell.execution_count for cell in cells), EXECUTE
    assert not [cell.id for cell in cells if "execution" in cell.metadata], (
        f"times of day are kept in the cells' metadata; {EXECUTE}"
    )
    assert not [
        cell.id for cell in cells for output in cell.outputs if output.output_type == "error"
    ]
    assert any(DONE_MIME in output.get("data", {}) for output in cells[-1].outputs)


def test_every_figure_has_a_text_alternative(path):
    n_figures = 0
    for cell in code_cells(path):
        for output in cell.outputs:
            found = output.get("data", {})
            assert not {"image/svg+xml", "image/jpeg"} & set(found), (
                f"{cell.id}: an image without alt text; return a plots.Figure"
            )
            if "image/png" in found:
                n_figures += 1
                about = output.metadata.get("image/png", {})
                assert len(about.get("alt", "")) > 60, (
                    f"{cell.id}: an image without alt text; return a plots.Figure"
                )
                assert found["text/plain"] == about["alt"], cell.id
                assert 0 < about["width"] <= plots.CSS_WIDTH, cell.id
            assert "<svg" not in found.get("text/html", ""), (
                f"{cell.id}: JupyterLab does not show it before the notebook is run"
            )
            if "<img" in found.get("text/html", ""):
                n_figures += 1
                alt = re.search(r'<img alt="([^"]+)" src="data:image/svg', found["text/html"])
                assert alt and len(alt.group(1)) > 60, cell.id
    assert n_figures >= 1


def test_each_claim_is_predicted_before_it_is_recorded(path):
    source = "\n".join(cell.source for cell in code_cells(path))
    for claim_id in claims():
        predicted, recorded = (
            call.start() if call else -1
            for call in (
                re.search(rf'\b{name}\(\s*"{claim_id}"', source) for name in ("predict", "record")
            )
        )
        assert (predicted < 0) == (recorded < 0), (
            f"{claim_id} needs both, predict before its experiment and record after it"
        )
        assert predicted <= recorded, f"{claim_id} is recorded before it is predicted"


def test_numbers_in_prose_are_not_measurements(path):
    """Percentages and decimals belong to outputs; prose may count (ten claims), and formulas and
    code may have parameters.
    """
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`", "", cell.source, flags=re.S)
            assert not re.findall(r"\d+(?:\.\d+)?\s?%|\b0\.\d+", prose), (
                f"{cell.id} measures in prose; leave the figure to an output"
            )


def test_the_claim_in_contributing_fits_lesson_01():
    """Its lines fit a notebook, and it uses only names that the lesson has before it."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    (section,) = re.findall(r"^## Add a claim$(.*?)^## ", page, flags=re.M | re.S)
    blocks = re.findall(r"^ *```python\n(.*?)^ *```", section, flags=re.M | re.S)
    assert len(blocks) == 3
    lesson = {cell.id: plain(cell.source) for cell in code_cells(LESSONS[1])}
    known = set(dir(builtins))
    for source in [lesson["imports"], lesson["models"], *map(textwrap.dedent, blocks)]:
        assert max(map(len, source.splitlines())) <= 88
        tree = list(ast.walk(ast.parse(source)))
        aliases = [node for node in tree if isinstance(node, ast.alias)]
        names = [node for node in tree if isinstance(node, ast.Name)]
        known |= {alias.asname or alias.name for alias in aliases}
        known |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
        assert {name.id for name in names} <= known | {"profile", "chat_model"}


def test_metadata_carries_no_widget_state(path):
    assert "widgets" not in nbformat.read(path, as_version=4).metadata


def test_the_card_that_a_lesson_shows_is_the_present_one():
    """Committed outputs of older weights would tell a reader other numbers than the card."""
    (cell,) = [cell for lesson in LESSONS for cell in code_cells(lesson) if cell.id == "card"]
    (shown,) = [output.data["text/plain"] for output in cell.outputs if "data" in output]
    chat = [row for row in read_card() if row["model"] == "main-chat"]
    rows = [row for row in chat if row["wording"] == "training wordings"]
    assert rows
    for row in rows:
        assert re.search(rf"{re.escape(row['ability'])} +{row['value']:.0%} ", shown), row
