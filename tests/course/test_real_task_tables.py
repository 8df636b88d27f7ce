"""The real tasks in the lessons, from recorded rows."""

import pytest

from adaptlab.course import real_tasks
from adaptlab.course.real_tasks import TITLES, accuracies, real_task_curves, real_task_table


def rows_of(**counts):
    made = []
    for key, (n, right) in counts.items():
        for seed in range(3):
            row = {"task": "banking77", "method": key.replace("_", "-"), "n": n, "seed": seed}
            made.append(row | {"right": right + (seed if n else 0), "of": 100})
    return made


@pytest.fixture
def measured(monkeypatch):
    rows = rows_of(zero_shot=(0, 12), LoRA=(300, 40))
    monkeypatch.setattr(real_tasks, "recorded_real_tasks", lambda: {"gguf:smollm2": rows})


def test_seeds_are_pooled_but_a_prompt_without_examples_is_one_run(measured):
    found = accuracies("banking77")
    assert (found["smollm2, zero-shot"][0].value, found["smollm2, zero-shot"][0].n) == (0.12, 100)
    assert found["smollm2, LoRA"][300].value == pytest.approx(0.41)
    assert found["smollm2, LoRA"][300].n == 300
    assert set(found) > {"TF-IDF", "embeddings"}


def test_a_table_has_a_column_for_each_number_of_examples(measured):
    table = real_task_table("banking77")
    assert table.loc["smollm2, LoRA", "300"].startswith("0.41 [")
    assert table.loc["smollm2, LoRA", "50"] == "" and "10,003" in table.columns


def test_a_figure_tells_its_numbers_as_text(measured):
    alt = real_task_curves("banking77").alt
    assert "smollm2, LoRA 0.41 at 300" in alt and "smollm2, zero-shot at 0.12" in alt
    assert "TF-IDF" in alt


@pytest.mark.parametrize("task", TITLES)
def test_every_real_task_is_recorded_without_a_language_model(task):
    found = accuracies(task)
    assert found and all(
        one.low <= one.value <= one.high for m in found.values() for one in m.values()
    )
