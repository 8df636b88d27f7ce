"""A short lab for graders' tests: three exercises of lab 04 that need no torch, with their
solutions.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.grading.grade import Graded, GradingRun, grade
from adaptlab.grading.notebook import Lab, read_lab
from adaptlab.grading.sandbox.box import prepared
from adaptlab.grading.sandbox.levels import level
from adaptlab.grading.sandbox.limits import Limits
from adaptlab.grading.submissions.submission import Submission

NAMES = ("count_adapters", "same_strength", "shipping_order")
SOLUTIONS = {
    "count_adapters": (
        """def count_adapters(config, rank, targets):
    width, queries = config["hidden_size"], config["num_attention_heads"] * config["head_dim"]
    keys, inner = config["num_key_value_heads"] * config["head_dim"], config["intermediate_size"]
    ends = {"q_proj": width + queries, "k_proj": width + keys}
    ends |= {"v_proj": width + keys, "o_proj": width + queries}
    sizes = [rank * ends.get(name, width + inner) for name in targets]
    return config["num_hidden_layers"] * sum(sizes)"""
    ),
    "same_strength": (
        """def same_strength(alpha, rank, new_rank, rank_stabilized):
    return alpha * (new_rank / rank) ** (0.5 if rank_stabilized else 1)"""
    ),
    "shipping_order": "def shipping_order():\n    return 'BDFGEAHC'",
}
LIMITS = Limits(step_seconds=3, memory_bytes=600 * 2**20)


def as_notebook(cells: list[dict]) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def archive(entries: dict[str, bytes], mode: int = 0) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return made.getvalue()


def answer_cell(name: str, source: str) -> dict:
    marks = {
        "grade_id": name,
        "grade": False,
        "solution": True,
        "locked": False,
        "schema_version": 3,
    }
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"nbgrader": marks},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def check_cell(name: str) -> dict:
    marks = {
        "grade_id": f"check_{name}",
        "grade": True,
        "solution": False,
        "locked": True,
        "points": 2,
        "schema_version": 3,
    }
    source = f"check.lab04.{name}({name})"
    return {
        "cell_type": "code",
        "id": f"check_{name}",
        "metadata": {"nbgrader": marks},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def code_cell(source: str, name: str = "extra") -> dict:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


IMPORTS = code_cell("from adaptlab.grading import check", "imports")


def cells(first: str = "", **answers: str) -> list[dict]:
    """A notebook's cells with right answers, but for those given; `first` is a cell that the
    student put before everything.
    """
    made = [code_cell(first)] if first else []
    made.append(IMPORTS)
    for name in NAMES:
        made += [answer_cell(name, answers.get(name, SOLUTIONS[name])), check_cell(name)]
    return made


@dataclass
class Grader:
    lab: Lab
    harness: Path
    level: str

    def __call__(self, content: bytes | list[dict], limits: Limits = LIMITS) -> Graded:
        content = content if isinstance(content, bytes) else as_notebook(content)
        return grade(
            GradingRun(self.lab, self.harness, self.level, secret=11, limits=limits),
            Submission("student", content, "file", ""),
        )


@pytest.fixture(scope="session")
def lab() -> Lab:
    return read_lab(as_notebook(cells()), "lab04_short")


@pytest.fixture(scope="session")
def box_level() -> str:
    """The level of this machine's box. Where there is none nothing can be graded, and `make test`
    says how many tests that left out.
    """
    try:
        return level()
    except AdaptLabError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def grader(lab, box_level):
    with prepared() as harness:
        yield Grader(lab, harness, box_level)


@pytest.fixture(scope="session")
def trained_adapter(tmp_path_factory) -> bytes:
    """The file that the solution of lab 05 makes, by its own cell."""
    import jupytext

    from adaptlab.lora.adapter_file import save_adapter
    from adaptlab.models.local import LocalChat
    from adaptlab.studies.tuning import conversation, train_cases
    from adaptlab.tune.fine_tune import fine_tune
    from adaptlab.tune.options import Options

    source = jupytext.read(Path(__file__).parents[2] / "solutions" / "lab05_fine_tuning.py")
    (cell,) = [
        cell.source
        for cell in source.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "adapter"
    ]
    names = {
        "chat": LocalChat("embedded:mini-chat"),
        "pool": [conversation(case) for case in train_cases("desk", 810, seed=0)],
        "Options": Options,
        "fine_tune": fine_tune,
        "save_adapter": save_adapter,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trained"))
        exec(cell, names)
        return Path(names["adapter"]).read_bytes()
