"""Fine-tuning of the embedded model with LoRA: tokens per second and peak memory of `tune`, of TRL
with its defaults, and of a plain PyTorch loop.

All use the same model, adapter and conversations, in separate processes, in alternation, over
several rounds. The plain loop has our settings: the same batches, precision, optimizer and
schedule, and logits only for the learned tokens. Then: 2,000 conversations once, from start to end.

Run: make bench
"""

import itertools
import multiprocessing
import random
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from results_file import keep, spread
from tqdm import tqdm
from transformers import TrainerCallback, get_cosine_schedule_with_warmup
from trl import SFTConfig, SFTTrainer

from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import number_format
from adaptlab.studies.tuning import conversation
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.loss_mask import IGNORED
from adaptlab.tune.options import DEFAULTS
from adaptlab.tune.rows import tokenized
from adaptlab.tune.sft import trainer
from adaptlab.world.house import desk_case, style_case
from adaptlab.world.tickets import triage_case

ROUNDS = 5
N = 480
SKIPPED = 5  # conversations; steps before the clock starts
LORA = LoraConfig(
    r=DEFAULTS.rank, lora_alpha=DEFAULTS.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
)
KINDS = (lambda rng: triage_case(rng, k=0), style_case, desk_case)


def conversations(n: int, kinds=KINDS) -> list[Messages]:
    """Return the same number of each kind: a record of a ticket, a reply in a style, a desk for a
    review.
    """
    rng = random.Random("tuning")
    return [conversation(kind(rng)) for kind, _ in zip(itertools.cycle(kinds), range(n))]


class Clock(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == SKIPPED:
            self.began = time.perf_counter()
        self.seconds = time.perf_counter() - self.began if state.global_step > SKIPPED else 0.0
        self.share = (state.global_step - SKIPPED) / state.max_steps


def ours(chat: LocalChat, rows: list[Messages], folder: str) -> tuple[float, float]:
    return timed(trainer(chat, rows, DEFAULTS, folder))


def trl_defaults(chat: LocalChat, rows: list[Messages], folder: str) -> tuple[float, float]:
    data = Dataset.from_list([{"messages": messages} for messages in rows])
    # TRL uses bfloat16 on every machine; where it is emulated, the ratio would measure nothing
    # else, so it has the precision that is fast here.
    fast = number_format("cpu").is_bfloat16
    config = SFTConfig(
        folder,
        report_to="none",
        num_train_epochs=1,
        use_cpu=not torch.cuda.is_available(),
        bf16=fast,
    )
    return timed(
        SFTTrainer(
            chat.model,
            args=config,
            train_dataset=data,
            processing_class=chat.tokenizer,
            peft_config=LORA,
        )
    )


def timed(made: SFTTrainer) -> tuple[float, float]:
    """Return (seconds, fraction of the data that was processed in them)."""
    clock = Clock()
    made.add_callback(clock)
    made.train()
    return clock.seconds, clock.share


def bare_loop(chat: LocalChat, rows: list[Messages], folder: str) -> tuple[float, float]:
    model = get_peft_model(chat.model, LORA).train()
    examples = tokenized(chat, rows, DEFAULTS.max_length)
    examples.sort(key=lambda row: len(row["input_ids"]))
    batches = [
        examples[i : i + DEFAULTS.batch_size] for i in range(0, len(examples), DEFAULTS.batch_size)
    ]
    random.Random(0).shuffle(batches)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad],
        lr=DEFAULTS.learning_rate,
        weight_decay=0.0,
    )
    schedule = get_cosine_schedule_with_warmup(
        optimizer, int(DEFAULTS.warmup * len(batches)), len(batches)
    )
    for number, batch in enumerate(batches, 1):
        ids, labels = (
            torch.nn.utils.rnn.pad_sequence([torch.tensor(row[key]) for row in batch], True, filler)
            for key, filler in (("input_ids", 0), ("labels", IGNORED))
        )
        places = (labels[:, 1:] != IGNORED).any(0).nonzero()[:, 0]
        with torch.autocast("cpu", torch.bfloat16, enabled=number_format("cpu").is_bfloat16):
            logits = model(input_ids=ids, use_cache=False, logits_to_keep=places).logits
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), labels[:, places + 1].flatten(), ignore_index=IGNORED
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if number == SKIPPED:
            began = time.perf_counter()
    return time.perf_counter() - began, (len(batches) - SKIPPED) / len(batches)


ARMS = {"adaptlab": ours, "TRL defaults": trl_defaults, "bare loop": bare_loop}


def measure(arm: str) -> tuple[float, float]:
    """Return (tokens per second, peak MB) of this process."""
    chat = LocalChat("embedded:chat")
    rows = conversations(N)
    n_tokens = sum(len(row["input_ids"]) for row in tokenized(chat, rows, DEFAULTS.max_length))
    with tempfile.TemporaryDirectory() as folder:
        seconds, share = ARMS[arm](chat, rows, folder)
    return n_tokens * share / seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as process:
        runs = [
            {arm: process.submit(measure, arm).result() for arm in ARMS}
            for _ in tqdm(range(ROUNDS), desc="rounds")
        ]
    results = [spread(f"tokens a second, {arm}", [run[arm][0] for run in runs]) for arm in ARMS]
    for i, what in enumerate(("speed", "memory")):
        results += [
            spread(f"{what} against {arm}", [run["adaptlab"][i] / run[arm][i] for run in runs])
            for arm in ARMS
            if arm != "adaptlab"
        ]
    chat = LocalChat("embedded:chat")
    for name, kinds in {"of all kinds": KINDS, "records alone": KINDS[:1]}.items():
        began = time.perf_counter()
        fine_tune(chat, conversations(2000, kinds))
        results.append(
            {f"seconds for 2,000 conversations, {name}": round(time.perf_counter() - began, 1)}
        )
    keep("tuning", results)


if __name__ == "__main__":
    main()
