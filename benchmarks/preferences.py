"""DPO on the embedded model with LoRA: pairs per second of `tune` and of TRL with its defaults, and
the peak memory of both.

Both use the same model, adapter and pairs, in separate processes, in alternation, over several
rounds. One result is for the steps only. The other includes the pass that computes the reference
log-probabilities in advance; TRL's defaults compute them in every step.

Run: make bench
"""

import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

import torch
from datasets import Dataset
from peft import LoraConfig
from results_file import keep, spread
from tqdm import tqdm
from trl import DPOConfig, DPOTrainer
from tuning import Clock

from adaptlab.models.local import LocalChat
from adaptlab.models.precision import number_format
from adaptlab.studies.preferences import pairs_of, preferences
from adaptlab.tune.dpo import dpo_trainer, rows
from adaptlab.tune.options import PREFERENCE_DEFAULTS
from adaptlab.tune.pairs import Pair

ROUNDS = 3
N = 160
LORA = LoraConfig(
    r=PREFERENCE_DEFAULTS.rank,
    lora_alpha=PREFERENCE_DEFAULTS.alpha,
    target_modules="all-linear",
    task_type="CAUSAL_LM",
)


def ours(chat: LocalChat, pairs: list[Pair], folder: str) -> DPOTrainer:
    return dpo_trainer(chat, pairs, PREFERENCE_DEFAULTS, folder)


def trl_defaults(chat: LocalChat, pairs: list[Pair], folder: str) -> DPOTrainer:
    # TRL uses bfloat16 on every machine; where it is emulated, the ratio would measure nothing
    # else, so it has the precision that is fast here.
    config = DPOConfig(
        folder,
        report_to="none",
        num_train_epochs=1,
        use_cpu=not torch.cuda.is_available(),
        bf16=number_format("cpu").is_bfloat16,
    )
    data = Dataset.from_list(rows(chat, pairs, PREFERENCE_DEFAULTS.max_length))
    return DPOTrainer(
        chat.model,
        args=config,
        train_dataset=data,
        processing_class=chat.tokenizer,
        peft_config=LORA,
    )


ARMS = {"adaptlab": ours, "TRL defaults": trl_defaults}


def measure(arm: str) -> tuple[float, float, float]:
    """Return (pairs per second in the steps, the same with all preparation, peak MB) of this
    process.
    """
    chat = LocalChat("embedded:chat")
    pairs = pairs_of(preferences(0, N))
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        made = ARMS[arm](chat, pairs, folder)
        clock = Clock()
        made.add_callback(clock)
        made.train()
        whole = time.perf_counter() - began
    return (
        N * clock.share / clock.seconds,
        N / whole,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def main() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as process:
        runs = [
            {arm: process.submit(measure, arm).result() for arm in ARMS}
            for _ in tqdm(range(ROUNDS), desc="rounds")
        ]
    results = [spread(f"pairs a second, {arm}", [run[arm][0] for run in runs]) for arm in ARMS]
    for i, what in enumerate(("speed of the steps", "speed of all", "memory")):
        results.append(
            spread(
                f"{what} against TRL defaults",
                [run["adaptlab"][i] / run["TRL defaults"][i] for run in runs],
            )
        )
    keep("preferences", results)


if __name__ == "__main__":
    main()
