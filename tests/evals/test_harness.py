"""Our cases in lm-eval: the files, the command, what is read back, and, where it is installed, the
same verdict on every case.
"""

import json
import random

import pytest
import yaml

from adaptlab.errors import AdaptLabError
from adaptlab.evals import harness
from adaptlab.models.local import LocalChat
from adaptlab.world.reading import reading_case

MODEL = "embedded:mini-chat"


@pytest.fixture(scope="module")
def small():
    return LocalChat(MODEL)


@pytest.fixture(scope="module")
def cases():
    rng = random.Random("harness")
    return [reading_case(rng, "train", "new", n_chunks=8, answerable=True) for _ in range(12)]


def test_a_task_is_two_files_with_the_prompts_as_the_model_reads_them(small, cases, tmp_path):
    path = harness.write_task(tmp_path / "tasks", "shop", small, cases, max_new_tokens=9)
    task = yaml.safe_load(path.read_text())
    data = tmp_path / "tasks" / "shop.jsonl"
    assert (path.name, task["task"], task["dataset_kwargs"]["data_files"]["test"]) == (
        "shop.yaml",
        "shop",
        str(data),
    )
    assert task["generation_kwargs"] == {
        "until": [small.tokenizer.eos_token],
        "do_sample": False,
        "max_gen_toks": 9,
    }
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    assert rows == [
        {"prompt": small.render(list(case.messages)), "answer": case.answer} for case in cases
    ]
    with pytest.raises(AdaptLabError, match="at least one case"):
        harness.write_task(tmp_path, "empty", small, [])


def test_the_command_names_model_task_and_folders(small, cases, tmp_path):
    task = harness.write_task(tmp_path, "shop", small, cases)
    line = harness.command(task, MODEL, tmp_path / "out")
    options = dict(zip(line[1:-1:2], line[2::2]))
    assert line[0] == "lm_eval" and line[-1] == "--log_samples"
    assert (
        options["--tasks"] == "shop"
        and options["--include_path"] == str(tmp_path)
        and options["--output_path"] == str(tmp_path / "out")
    )
    assert "mini-chat,dtype=float32" in options["--model_args"]
    with pytest.raises(AdaptLabError, match="on this machine"):
        harness.command(task, "openai:name", tmp_path)


def test_the_latest_samples_are_read_in_the_order_of_the_cases(tmp_path):
    for time, hits in (("2025-01-01", [0, 0, 0]), ("2025-01-02", [1, 0, 1])):
        rows = [{"doc_id": i, "exact_match": float(hit)} for i, hit in enumerate(hits)]
        (tmp_path / f"samples_shop_{time}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows[::-1])
        )
    assert harness.read_hits(tmp_path, "shop") == [True, False, True]
    with pytest.raises(AdaptLabError, match="no samples of the task other"):
        harness.read_hits(tmp_path, "other")


def test_without_lm_eval_the_user_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "find_spec", lambda name: None)
    with pytest.raises(AdaptLabError, match="lm-eval is not installed"):
        harness.run_task(tmp_path / "shop.yaml", MODEL, tmp_path)


def test_a_run_that_fails_is_an_error_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "find_spec", lambda name: name)
    monkeypatch.setattr(harness.sys, "executable", "/bin/false")
    with pytest.raises(AdaptLabError, match="status 1: no reason given"):
        harness.run_task(tmp_path / "shop.yaml", MODEL, tmp_path)


@pytest.mark.skipif(not harness.is_there(), reason="lm-eval is an extra")
def test_lm_eval_finds_the_same_cases_right(small, cases, tmp_path):
    task = harness.write_task(tmp_path, "shop", small, cases)
    ours = small.would_say([list(case.messages) for case in cases], [case.answer for case in cases])
    assert 0 < sum(ours) < len(ours), (
        "a task on which all or nothing is right would compare nothing"
    )
    assert harness.run_task(task, MODEL, tmp_path / "out") == ours
