"""The command line: adaptlab run · site · results · doctor · plan · tune · prefer · export · study · decide · evals · labs · grade · models · fetch · serve."""

import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli_decide import decide
from adaptlab.cli_evals import evals_app
from adaptlab.cli_fetch import fetch
from adaptlab.cli_grade import grade_app
from adaptlab.cli_labs import labs_app
from adaptlab.cli_options import Dtype, Folder
from adaptlab.errors import AdaptLabError
from adaptlab.models.precision import use_format
from adaptlab.progress import show_progress_bars

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Prompt, retrieve, or fine-tune? Measure it.")
models_app = typer.Typer(no_args_is_help=True, help="The embedded models: rebuild them, install them, print their card.")
app.add_typer(models_app, name="models")
app.add_typer(evals_app, name="evals")
app.add_typer(labs_app, name="labs")
app.add_typer(grade_app, name="grade")
app.command()(decide)
app.command()(fetch)


@app.callback()
def shared(
    progress: Annotated[bool, typer.Option(help="Progress bars; TQDM_DISABLE=1 too turns them off.")] = True,
) -> None:
    if not progress:
        show_progress_bars(False)


LocalModel = Annotated[str, typer.Option(help="embedded:chat, hub:org/name or a path.")]
Method = Annotated[str, typer.Option(help="lora or full.")]
Rate = Annotated[float, typer.Option(help="Greatest rate; full tuning wants a third to a tenth of an adapter's.")]
CheckpointSteps = Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")]


def _as_name(model: str) -> str:
    """A model's id as the name of a folder."""
    return re.sub("[^A-Za-z0-9.]+", "-", model).strip("-")


@app.command()
def run(
    lessons: Annotated[list[str], typer.Argument(help="Lessons by the start of their name; all if none is named.")] = [],
    profile: Annotated[str, typer.Option(help="cpu or gpu.")] = "cpu",
    chat_model: Annotated[str, typer.Option(help="Another chat model on this machine: embedded:mini-chat, hub:org/name or a path.")] = "",
    folder: Folder = Path("."),
    workers: Annotated[int, typer.Option(min=1, help="Notebooks at a time.")] = 2,
    dtype: Dtype = "",
) -> None:
    """Execute the lessons; leave notebooks, ledger and site in build/PROFILE, or in build/PROFILE-MODEL for another chat model."""
    from adaptlab.course.run import find_notebooks, run_lessons, summary
    from adaptlab.course.site import build_site

    use_format(dtype)
    if chat_model and Path(chat_model).is_dir():
        chat_model = str(Path(chat_model).resolve())  # lessons run in a folder of their own
    build = folder / "build" / (f"{profile}-{_as_name(chat_model)}" if chat_model else profile)
    parameters = {"chat_model": chat_model} if chat_model else {}
    outcomes = run_lessons(find_notebooks(folder / "notebooks", tuple(lessons)), build, profile, parameters, workers)
    print(summary(outcomes))
    print(f"ledger: {build / 'ledger.json'}\nsite:   {build_site(build, folder)}")
    if any(outcome.status in ("failed", "skipped") for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def site(profile: str = "cpu", folder: Folder = Path(".")) -> None:
    """Build the site again from what the last run left."""
    from adaptlab.course.site import build_site

    print(build_site(folder / "build" / profile, folder))


@app.command()
def results(profile: str = "cpu", folder: Folder = Path(".")) -> None:
    """Print what the last run measured and took, as Markdown."""
    from adaptlab.course.summary import markdown

    print(markdown(folder / "build" / profile))


@app.command()
def doctor(
    folder: Folder = Path("."),
    need_gpu: Annotated[bool, typer.Option("--need-gpu", help="Exit with status 2 where torch sees no GPU.")] = False,
) -> None:
    """Say what this machine has and how long things will take."""
    from adaptlab.doctor import report
    from adaptlab.models.load import profile

    if need_gpu:
        profile("gpu")
    print(report(folder))


@app.command()
def plan(
    model: Annotated[str, typer.Option(help="A well-known model's name on the hub, embedded:chat, or the folder of a config.json.")] = "embedded:chat",
    method: Annotated[str, typer.Option(help="lora, full or qlora.")] = "lora",
    batch: Annotated[int, typer.Option(min=0, help="Sequences a step; 0 takes the largest batch that fits.")] = 0,
    seq: Annotated[int, typer.Option(help="Tokens a sequence.")] = 512,
    rank: Annotated[int, typer.Option(help="Rank of the adapters.")] = 16,
    precision: Annotated[str, typer.Option(help="float32, mixed or bfloat16; if not given, that in which this machine trains.")] = "",
    checkpointing: Annotated[bool, typer.Option("--checkpointing", help="Keep each layer's input only.")] = False,
) -> None:
    """Predict a training step's memory and time, and the largest batch for this machine, from a model's shapes alone."""
    from adaptlab.preflight import report

    print(report(model, method, batch or None, seq, rank, precision, checkpointing))


@contextmanager
def _warnings_in_lines() -> Iterator[None]:
    """What is warned of inside goes to stderr, a line each, without the place in the source."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for warning in told:
                print(f"adaptlab: {warning.message}", file=sys.stderr)


@app.command()
def tune(
    train: Annotated[Path, typer.Argument(help="Conversations: JSONL in one of the formats of adaptlab.tune.formats.")],
    to: Annotated[Path, typer.Argument(help="Folder of the run; an interrupted run goes on there.")],
    model: LocalModel = "embedded:chat",
    validation: Annotated[Path | None, typer.Option(help="Conversations whose loss is watched.")] = None,
    test: Annotated[Path | None, typer.Option(help="Conversations kept for a test: the run is refused if their questions are among those trained on.")] = None,
    method: Method = "lora",
    learning_rate: Rate = 2e-3,
    epochs: float = 1,
    batch_size: int = 16,
    rank: Annotated[int, typer.Option(help="Rank of the adapters.")] = 16,
    max_length: Annotated[int, typer.Option(help="Tokens that a conversation may have.")] = 640,
    packing: Annotated[bool, typer.Option("--packing", help="Rows of max_length tokens hold several conversations, and a batch as many rows.")] = False,
    patience: Annotated[int, typer.Option(help="Stop after as many epochs without a better validation loss; 0 never does.")] = 0,
    checkpoint_steps: CheckpointSteps = 50,
    tracking: Annotated[str, typer.Option(help="none, tensorboard, trackio or wandb.")] = "none",
    dtype: Dtype = "",
    seed: int = 0,
) -> None:
    """Fine-tune a model on conversations, into a folder with config, metrics, weights and a card."""
    from adaptlab.models.local import LocalChat
    from adaptlab.tune.formats import duplicates, read_conversations, refuse_leaks
    from adaptlab.tune.options import Options
    from adaptlab.tune.run import run as run_training

    options = Options(method=method, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, rank=rank, max_length=max_length,
                      packing=packing, patience=patience, checkpoint_steps=checkpoint_steps, tracking=tracking, dtype=dtype, seed=seed)  # fmt: skip
    with _warnings_in_lines():
        conversations = read_conversations(train)
        watched, tested = (read_conversations(path) if path else [] for path in (validation, test))
    for held_out in (watched, tested):
        refuse_leaks(conversations, held_out)
    if twice := duplicates(conversations):
        (later, first), n = twice[0], len(twice)
        print(f"{n} of {len(conversations)} conversations repeat an earlier one, as number {later} repeats {first}.", file=sys.stderr)
    run_training(LocalChat(model), conversations, to, options, watched)
    print(f"run: {to}")


@app.command()
def prefer(
    pairs: Annotated[Path, typer.Argument(help="Preference pairs: JSONL in one of the formats of adaptlab.tune.pairs.")],
    to: Annotated[Path, typer.Argument(help="Folder of the run; an interrupted run goes on there.")],
    model: LocalModel = "embedded:chat",
    beta: Annotated[float, typer.Option(help="How costly it is to leave the model as it is.")] = 0.1,
    loss: Annotated[str, typer.Option(help="sigmoid (DPO), ipo or hinge.")] = "sigmoid",
    method: Method = "lora",
    learning_rate: Rate = 1e-3,
    epochs: float = 1,
    batch_size: int = 16,
    max_length: Annotated[int, typer.Option(help="Tokens that a prompt with a reply may have.")] = 640,
    checkpoint_steps: CheckpointSteps = 50,
    check_sides: Annotated[bool, typer.Option("--check-sides", help="First name pairs whose sides seem swapped, by reward models on halves of them.")] = False,
    dtype: Dtype = "",
    seed: int = 0,
) -> None:
    """Train a model on preferred and rejected replies (DPO), into a folder with config, metrics, weights and a card."""
    from adaptlab.models.local import LocalChat
    from adaptlab.tune.dpo import PreferenceOptions, dpo_trainer
    from adaptlab.tune.pairs import contradictions, read_pairs
    from adaptlab.tune.run import run as run_training

    options = PreferenceOptions(beta=beta, loss=loss, method=method, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size,
                                max_length=max_length, checkpoint_steps=checkpoint_steps, dtype=dtype, seed=seed)  # fmt: skip
    with _warnings_in_lines():
        given = read_pairs(pairs)
    if turned := contradictions(given):
        (later, first), n = turned[0], len(turned)
        print(f"{n} of {len(given)} pairs prefer what an earlier one rejects, as number {later} does with {first}.", file=sys.stderr)
    chat = LocalChat(model)
    if check_sides:
        from adaptlab.tune.reward import swapped_sides

        places = swapped_sides(chat, given, replace(options, method="full", learning_rate=learning_rate / 3, epochs=2))
        print(f"{len(places)} of {len(given)} pairs seem to have swapped sides{': ' * bool(places)}{', '.join(map(str, places[:20]))}", file=sys.stderr)
    run_training(chat, given, to, options, make_trainer=dpo_trainer)
    print(f"run: {to}")


@app.command()
def export(
    what: Annotated[str, typer.Argument(help="axolotl (YAML) or modal (a Python file).")],
    run: Annotated[Path, typer.Argument(help="Folder of a run that `adaptlab tune` made.")],
    data: Annotated[Path, typer.Argument(help="Its conversations, in any format that `adaptlab tune` takes.")],
    validation: Annotated[Path | None, typer.Option(help="Its validation conversations, if it had any.")] = None,
) -> None:
    """Print a run's settings for another trainer, or for a machine elsewhere."""
    from adaptlab.tune.export import EXPORTS

    if what not in EXPORTS:
        raise AdaptLabError(f"There is no export {what!r}; choose one of {', '.join(EXPORTS)}.")
    with _warnings_in_lines():
        written = EXPORTS[what](run, data, validation=validation)
    print(written, end="")


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="One of the studies behind the lessons; an unknown name lists them.")],
    model: LocalModel = "embedded:chat",
    folder: Folder = Path("."),
    dtype: Dtype = "",
) -> None:
    """Run a grid of trainings that a lesson shows, into build/studies; what was measured is not measured again."""
    use_format(dtype)
    from adaptlab.course.studies import run_study
    from adaptlab.models.local import LocalChat

    print(run_study(name, LocalChat(model), folder / "build" / "studies" / _as_name(model) / f"{name}.json"))


@app.command()
def serve(
    model: Annotated[str, typer.Argument(help="embedded:chat, hub:org/name or a path.")] = "embedded:chat",
    adapter: Annotated[list[str], typer.Option(help="NAME=FOLDER, as often as there are adapters: each is one more model, by its name.")] = [],
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for all who reach this machine, who should then need an API key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8000,
    dtype: Annotated[str, typer.Option(help="Number format of the weights: float32 or bfloat16; if not given, bfloat16 on a GPU that has it.")] = "",
    api_key: Annotated[str, typer.Option(envvar="ADAPTLAB_API_KEY", help="Answer only those who send this key.", show_default=False)] = "",
) -> None:
    """Serve a model with an OpenAI-compatible API, by `transformers serve`; with adapters, each by a name of its own, on one base in memory."""
    from adaptlab.models import serve

    serve.serve(model, _named(adapter), host, port, api_key, dtype)


def _named(adapters: list[str]) -> dict[str, str]:
    """Adapters by name, from NAME=FOLDER."""
    pairs = [given.partition("=") for given in adapters]
    if wrong := [given for given, (name, _, folder) in zip(adapters, pairs) if not (name and folder)]:
        raise AdaptLabError(f"{wrong[0]!r} does not name an adapter; write NAME=FOLDER.")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise AdaptLabError("Two adapters have the same name; give each its own.")
    return {name: folder for name, _, folder in pairs}


@models_app.command("make")
def models_make(
    quick: Annotated[bool, typer.Option(help="Mini alone on a quarter of its tokens, in about 20 minutes.")] = False,
    seed: int = 0,
    folder: Folder = Path("."),
    dtype: Dtype = "",
) -> None:
    """Rebuild the embedded models from nothing into build/models; resumes where it was killed."""
    use_format(dtype)
    from adaptlab.files import require_disk
    from adaptlab.models.make import make_models

    require_disk(folder, 1000)
    target = folder / "build" / ("models-quick" if quick else "models")
    make_models(target, budget="quick" if quick else "full", seed=seed)
    print(f"models: {target / 'export'}")


@models_app.command("reranker")
def models_reranker(seed: int = 0, folder: Folder = Path("."), dtype: Dtype = "") -> None:
    """Tune the embedded reranker anew into build/models/export, in about half an hour on one core."""
    from adaptlab.course.reranker_lists import reranker_lists
    from adaptlab.tune.reranker import tune_reranker

    target = folder / "build" / "models" / "export" / "reranker"
    tune_reranker(target, reranker_lists(seed=seed), seed=seed, dtype=dtype)
    print(f"reranker: {target}")


@models_app.command("assistant")
def models_assistant(folder: Folder = Path("."), dtype: Dtype = "") -> None:
    """Tune the support assistant of lesson 09 anew into build/models/export, in a few minutes."""
    use_format(dtype)
    from adaptlab.course.assistant import NAME, make_assistant
    from adaptlab.models.local import LocalChat

    print(f"assistant: {make_assistant(folder / 'build' / 'models' / 'export' / NAME, LocalChat('embedded:chat'))}")


@models_app.command("install")
def models_install(source: Annotated[Path, typer.Argument(help="The export folder of `models make`.")]) -> None:
    """Make rebuilt models the package's own (developers)."""
    from adaptlab.models.load import WEIGHTS, write_hashes

    found = sorted(path for path in source.glob("*") if (path / "training.json").exists())
    if not found:
        raise AdaptLabError(f"{source} holds no finished models; run `adaptlab models make` first.")
    for path in found:
        shutil.copytree(path, WEIGHTS / path.name, dirs_exist_ok=True)
    write_hashes()
    print("\n".join(path.name for path in found))


@models_app.command("compare")
def models_compare(
    export: Annotated[Path, typer.Argument(help="The export folder of `models make`.")],
    n: Annotated[int, typer.Option(min=1, help="Cases for each row.")] = 200,
) -> None:
    """Measure rebuilt models and print how far they are from the shipped ones."""
    from adaptlab.evals import card

    card.save_card(card.measure_card(_chat_models(export), n), export)
    print(card.compare(card.read_card(export), card.read_card()))


def _chat_models(folder: Path) -> dict[str, str]:
    models = {path.name: str(path) for path in sorted(folder.glob("*-chat")) if (path / "training.json").exists()}
    if not models:
        raise AdaptLabError(f"{folder} holds no finished chat models; run `adaptlab models make` first.")
    return models


@models_app.command("card")
def models_card(
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON.")] = False,
    measure: Annotated[bool, typer.Option(help="Measure again and write the card.")] = False,
    export: Annotated[Path | None, typer.Option(help="Measure the models in this folder instead of the package's.")] = None,
    n: Annotated[int, typer.Option(min=1, help="Cases for each row.")] = 500,
) -> None:
    """Print the model card."""
    from adaptlab.evals import card

    if measure:
        card.save_card(card.measure_card(_chat_models(export or card.WEIGHTS), n), export or card.WEIGHTS)
    rows = card.read_card(export or card.WEIGHTS)
    print(card.to_json(rows) if as_json else card.to_markdown(rows, export or card.WEIGHTS), end="\n" if as_json else "")


def main() -> None:
    """Entry point: known errors and paths that the system refuses are a sentence and status 2."""
    try:
        app()
    except AdaptLabError as error:
        sys.exit(_said(str(error)))
    except OSError as error:
        if error.filename is None:  # not about a path, as when a reader of the output is gone
            raise
        sys.exit(_said(f"{error.filename} cannot be used ({error.strerror}). Give another path."))


def _said(sentence: str) -> int:
    """The exit status of a command that was refused, after its sentence."""
    print(f"adaptlab: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
