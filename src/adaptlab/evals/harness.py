"""Our cases as a task of lm-eval (EleutherAI's evaluation harness), measured from files alone, and
its verdict case by case.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import yaml

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text, write_whole
from adaptlab.models.load_model import resolve
from adaptlab.models.local import LocalChat
from adaptlab.world.case import Case


def write_task(
    folder: Path, name: str, chat: LocalChat, cases: Sequence[Case], max_new_tokens: int = 16
) -> Path:
    """Write NAME.jsonl, a prompt and its gold answer a line, and NAME.yaml, the task; returns the
    path of the latter.

    A prompt is written as the model reads it, after its chat template, so that both harnesses ask
    the same. A reply is right if it is the gold answer.
    """
    if not cases:
        raise AdaptLabError("A task needs at least one case.")
    data = folder / f"{name}.jsonl"
    rows = [{"prompt": chat.render(list(case.messages)), "answer": case.answer} for case in cases]
    write_whole(data, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data.resolve())}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{answer}}",
        "target_delimiter": "",
        "generation_kwargs": {
            "until": [chat.tokenizer.eos_token],
            "do_sample": False,
            "max_gen_toks": max_new_tokens,
        },
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "filter_list": [
            {
                "name": "stripped",
                "filter": [{"function": "remove_whitespace"}, {"function": "take_first"}],
            }
        ],
        "metadata": {"version": 1},
    }
    path = folder / f"{name}.yaml"
    write_whole(path, yaml.safe_dump(task, sort_keys=False, allow_unicode=True))
    return path


def command(task: Path, model_id: str, results: Path, batch_size: int = 8) -> list[str]:
    """The command line that measures a local model on a task and keeps its replies
    under `results`.
    """
    arguments = f"pretrained={resolve(model_id)},dtype=float32"
    return [
        "lm_eval",
        "--model",
        "hf",
        "--model_args",
        arguments,
        "--tasks",
        task.stem,
        "--include_path",
        str(task.parent),
        "--device",
        "cpu",
        "--batch_size",
        str(batch_size),
        "--output_path",
        str(results),
        "--log_samples",
    ]


def is_there() -> bool:
    """Whether lm-eval is installed."""
    return find_spec("lm_eval") is not None


def run_task(task: Path, model_id: str, results: Path, batch_size: int = 8) -> list[bool]:
    """Run the command, offline, and give back which cases lm-eval found right, in the order of the
    cases.
    """
    if not is_there():
        raise AdaptLabError('lm-eval is not installed; run: pip install "adaptlab[harness]"')
    _, *options = command(task, model_id, results, batch_size)
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", *options],
        env=os.environ | offline,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise AdaptLabError(
            f"lm-eval ended with status {done.returncode}:"
            f" {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
        )
    return read_hits(results, task.stem)


def read_hits(results: Path, name: str) -> list[bool]:
    """Which cases were right, from the latest samples that lm-eval left under `results`."""
    # Which ends with the time.
    files = sorted(results.rglob(f"samples_{name}_*.jsonl"), key=lambda path: path.name)
    if not files:
        raise AdaptLabError(
            f"{results} holds no samples of the task {name}; run lm-eval with --log_samples and"
            f" --output_path {results}."
        )
    rows = [json.loads(line) for line in read_text(files[-1]).splitlines()]
    return [row["exact_match"] == 1 for row in sorted(rows, key=lambda row: row["doc_id"])]
