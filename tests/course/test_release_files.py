"""What a release states about itself: one version everywhere, and a licence for everything."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.licenses import canonicalize_license_expression

import adaptlab
from adaptlab.evals.real_tasks.data_files import data_sets
from adaptlab.models.assets import manifest

ROOT = Path(__file__).parents[2]
# What may be in the package besides Python. All of it is ours: made by this code, or written here.
OURS = {
    ".cff", ".css", ".html", ".ipynb", ".j2", ".jinja", ".js", ".json", ".jsonl", ".md", ".png",
    ".py", ".safetensors", ".toml", ".yaml",
}  # fmt: skip


def test_the_version_is_the_same_everywhere():
    (released,) = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[:1]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert adaptlab.__version__ == released == cited["version"]
    assert cited["license"] == "MIT" and cited["title"] and cited["authors"]


@pytest.mark.parametrize("licence", [one.licence for one in manifest().values()])
def test_every_model_has_a_licence_of_the_spdx_list(licence):
    assert canonicalize_license_expression(licence) in ("MIT", "Apache-2.0")


@pytest.mark.parametrize("data", data_sets().values(), ids=lambda data: data.name)
def test_every_data_set_has_a_licence_and_its_paper(data):
    assert str(canonicalize_license_expression(data.licence)).startswith("CC-BY")
    assert re.search(r"\d{4}", data.citation)


def test_the_package_contains_only_our_own_files():
    """Shipped files name no other copyright holder, and are of kinds that we make."""
    for path in (ROOT / "src" / "adaptlab").rglob("*"):
        if not path.is_file() or "__pycache__" in path.parts or path.name.endswith(".pyc"):
            continue
        assert path.suffix in OURS, path
        if path.suffix not in (".png", ".safetensors"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"copyright (\(c\)|©)", text, re.IGNORECASE), path
