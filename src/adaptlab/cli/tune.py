"""adaptlab tune, prefer and export: a fine-tuning run in a folder, and its settings for other
trainers.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.options import LocalModel, options_from
from adaptlab.errors import AdaptLabError
from adaptlab.tune.options import Options, PreferenceOptions


@contextmanager
def warnings_in_lines() -> Iterator[None]:
    """Print warnings to stderr, one line each, without their place in the source."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for warning in caught:
                print(f"adaptlab: {warning.message}", file=sys.stderr)


@options_from(Options, checkpoint_steps=50)
def tune(
    train: Annotated[
        Path,
        typer.Argument(help="Conversations: JSONL in one of the formats of adaptlab.tune.formats."),
    ],
    to: Annotated[
        Path, typer.Argument(help="Folder of the run; an interrupted run resumes there.")
    ],
    model: LocalModel = "embedded:chat",
    validation: Annotated[
        Path | None,
        typer.Option(help="Validation conversations: their loss is computed after each epoch."),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            help=("Test conversations: an error if their questions are in the training data.")
        ),
    ] = None,
    reward: Annotated[
        str,
        typer.Option(
            help="FILE.py:function. Reinforcement learning: the rows are prompts, the model samples"
            " replies, and function(reply, fields) scores each."
        ),
    ] = "",
    n_replies: Annotated[
        int | None, typer.Option(help="With --reward: replies to each prompt (default 8).")
    ] = None,
    n_new_tokens: Annotated[
        int | None, typer.Option(help="With --reward: most tokens of a reply (default 40).")
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(help="With --reward: strength of the KL penalty (default 0.02)."),
    ] = None,
    *,
    options: Options,
) -> None:
    """Fine-tune a model on conversations or, with --reward, on its own scored replies; into a
    folder with config, metrics, weights and a card.
    """
    online = {"n_replies": n_replies, "n_new_tokens": n_new_tokens, "beta": beta}
    given = {name: value for name, value in online.items() if value is not None}
    if reward:
        _tune_on_reward(train, to, model, reward, validation or test, asdict(options) | given)
        return
    if given:
        name = next(iter(given)).replace("_", "-")
        raise AdaptLabError(f"--{name} is an option of --reward. Leave it out, or give a reward.")
    from adaptlab.models.local import LocalChat
    from adaptlab.tune.formats import duplicates, read_conversations, refuse_leaks
    from adaptlab.tune.run import run as run_training

    with warnings_in_lines():
        conversations = read_conversations(train)
        validation_rows, test_rows = (
            read_conversations(path) if path else [] for path in (validation, test)
        )
    for held_out in (validation_rows, test_rows):
        refuse_leaks(conversations, held_out)
    if twice := duplicates(conversations):
        (later, first), n = twice[0], len(twice)
        print(
            f"{n} of {len(conversations)} conversations repeat an earlier one, as number {later}"
            f" repeats {first}.",
            file=sys.stderr,
        )
    run_training(LocalChat(model), conversations, to, options, validation_rows)
    print(f"run: {to}")


def _tune_on_reward(
    train: Path, to: Path, model: str, reward: str, held_out: Path | None, options: dict
) -> None:
    from adaptlab.models.local import LocalChat
    from adaptlab.tune.checked_reward import load_reward, read_reward_rows
    from adaptlab.tune.rloo import OnlineOptions, checked_trainer
    from adaptlab.tune.run import run as run_training

    if held_out:
        raise AdaptLabError(
            f"{held_out} is an option for conversations only. Leave it out, and measure the model"
            " after the run."
        )
    function = load_reward(reward)
    chosen = OnlineOptions(**options, reward=f"{reward} {function.digest}")
    with warnings_in_lines():
        rows = read_reward_rows(train)
    made = partial(checked_trainer, function=function, report=_say_now)
    run_training(LocalChat(model), rows, to, chosen, make_trainer=made)
    print(f"run: {to}")


def _say_now(sentence: str) -> None:
    print(f"adaptlab: {sentence}", file=sys.stderr, flush=True)


@options_from(PreferenceOptions, checkpoint_steps=50)
def prefer(
    pairs: Annotated[
        Path,
        typer.Argument(
            help="Preference pairs: JSONL in one of the formats of adaptlab.tune.pairs."
        ),
    ],
    to: Annotated[
        Path, typer.Argument(help="Folder of the run; an interrupted run resumes there.")
    ],
    model: LocalModel = "embedded:chat",
    check_sides: Annotated[
        bool,
        typer.Option(
            "--check-sides",
            help=(
                "First list pairs with probably swapped sides, by reward models on their halves."
            ),
        ),
    ] = False,
    *,
    options: PreferenceOptions,
) -> None:
    """Train a model on preference pairs (DPO), into a folder with config, metrics, weights and a
    card.
    """
    from adaptlab.models.local import LocalChat
    from adaptlab.tune.dpo import dpo_trainer
    from adaptlab.tune.pairs import contradictions, read_pairs
    from adaptlab.tune.run import run as run_training

    with warnings_in_lines():
        given = read_pairs(pairs)
    if contrary := contradictions(given):
        (later, first), n = contrary[0], len(contrary)
        print(
            f"{n} of {len(given)} pairs prefer what an earlier one rejects, as number {later} does"
            f" with {first}.",
            file=sys.stderr,
        )
    chat = LocalChat(model)
    if check_sides:
        from adaptlab.tune.reward import swapped_sides

        places = swapped_sides(
            chat,
            given,
            replace(options, method="full", learning_rate=options.learning_rate / 3, epochs=2),
        )
        print(
            f"{len(places)} of {len(given)} pairs seem to have swapped"
            f" sides{': ' * bool(places)}{', '.join(map(str, places[:20]))}",
            file=sys.stderr,
        )
    run_training(chat, given, to, options, make_trainer=dpo_trainer)
    print(f"run: {to}")


def export(
    what: Annotated[str, typer.Argument(help="axolotl (YAML) or modal (a Python file).")],
    run: Annotated[Path, typer.Argument(help="Folder of a run that `adaptlab tune` made.")],
    data: Annotated[
        Path,
        typer.Argument(help="The run's training conversations, in any format of `adaptlab tune`."),
    ],
    validation: Annotated[
        Path | None, typer.Option(help="The validation conversations of the run, if it had any.")
    ] = None,
) -> None:
    """Print a run's settings for another trainer or another machine."""
    from adaptlab.tune.export import EXPORTS

    if what not in EXPORTS:
        raise AdaptLabError(f"There is no export {what!r}. Choose one of {', '.join(EXPORTS)}.")
    with warnings_in_lines():
        written = EXPORTS[what](run, data, validation=validation)
    print(written, end="")
