"""Our cases as a task of lm-eval (EleutherAI's evaluation harness), and its verdict on each
case.
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
    """Write NAME.jsonl, one prompt and gold answer per line, and the task NAME.yaml; return the
    path of the task.

    A prompt is written after the chat template, as the model reads it, so both harnesses send the
    same text. A reply is correct if it equals the gold answer.
    """
    if not cases:
        raise AdaptLabError("The task has no cases. Give at least one case.")
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
    """Return the command line that measures a local model on a task and keeps its replies under
    `results`.
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
    """Run the command offline; return which cases lm-eval judged correct, in the order of the
    cases.
    """
    if not is_there():
        raise AdaptLabError('lm-eval is not installed. Run: pip install "adaptlab[harness]"')
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
            f"lm-eval failed with status {done.returncode}:"
            f" {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
        )
    return read_hits(results, task.stem)


def read_hits(results: Path, name: str) -> list[bool]:
    """Return which cases were correct, from lm-eval's latest samples under `results`."""
    # The name ends with the time.
    files = sorted(results.rglob(f"samples_{name}_*.jsonl"), key=lambda path: path.name)
    if not files:
        raise AdaptLabError(
            f"{results} contains no samples of the task {name}. Run lm-eval with"
            f" --log_samples and --output_path {results}."
        )
    rows = [json.loads(line) for line in read_text(files[-1]).splitlines()]
    return [row["exact_match"] == 1 for row in sorted(rows, key=lambda row: row["doc_id"])]
