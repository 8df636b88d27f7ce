"""The command line `adaptlab`: the commands of a run, and one group per file."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.claims import claims
from adaptlab.cli.decide import decide
from adaptlab.cli.evals import evals_app
from adaptlab.cli.fetch import fetch
from adaptlab.cli.grade import grade_app
from adaptlab.cli.labs import labs_app
from adaptlab.cli.models import models_app
from adaptlab.cli.optimize import optimize
from adaptlab.cli.options import Dtype, Folder
from adaptlab.cli.serve import serve
from adaptlab.cli.study import study
from adaptlab.cli.tune import export, prefer, tune, warnings_in_lines
from adaptlab.errors import AdaptLabError
from adaptlab.files import as_name
from adaptlab.models.precision import use_format
from adaptlab.progress import show_progress_bars

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Prompt, retrieve, or fine-tune? Measure it.",
)
app.add_typer(models_app, name="models")
app.add_typer(evals_app, name="evals")
app.add_typer(labs_app, name="labs")
app.add_typer(grade_app, name="grade")
for command in (decide, fetch, optimize, tune, prefer, export, study, claims, serve):
    app.command()(command)


@app.callback()
def shared(
    progress: Annotated[
        bool, typer.Option(help="Show progress bars; TQDM_DISABLE=1 also turns them off.")
    ] = True,
) -> None:
    if not progress:
        show_progress_bars(False)


@app.command()
def start(
    names: Annotated[
        list[str], typer.Argument(help="Lessons and labs by the start of their name: 05, lab01.")
    ],
    to: Annotated[
        Path | None, typer.Option(help="Folder of your copies; default: my-work in the course.")
    ] = None,
    folder: Folder = Path("."),
) -> None:
    """Copy lessons and labs, without outputs, into a folder of your own; a copy that is there stays
    as it is.
    """
    from adaptlab.course.start import start as start_copies

    for copy, is_new in start_copies(folder, names, to):
        print(copy if is_new else f"{copy} (your copy from before)")


@app.command()
def progress(
    work: Annotated[
        Path, typer.Argument(help="The folder of your copies, in which you ran the lessons.")
    ] = Path("my-work"),
) -> None:
    """Show your predictions over all lessons, next to what came out."""
    from adaptlab.course.kept_predictions import FILE, progress_of, read_kept

    if not read_kept(work):
        raise AdaptLabError(
            f"{work} has no {FILE}. Run a lesson there first: adaptlab start 00 makes a copy."
        )
    print(progress_of(work))


@app.command()
def run(
    lessons: Annotated[
        list[str], typer.Argument(help="Lessons by the start of their name; default: all.")
    ] = [],
    profile: Annotated[str, typer.Option(help="cpu, real or gpu.")] = "cpu",
    chat_model: Annotated[
        str,
        typer.Option(
            help="Another chat model on this machine: gguf:qwen-coder-0.5b, hub:org/name or a path."
        ),
    ] = "",
    folder: Folder = Path("."),
    workers: Annotated[
        int, typer.Option(min=1, help="Number of notebooks that run at the same time.")
    ] = 2,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Also write the outputs into the lessons themselves.")
    ] = False,
    dtype: Dtype = "",
) -> None:
    """Execute the lessons; leave notebooks, ledger and site in build/PROFILE, or in
    build/PROFILE-MODEL for another chat model.
    """
    from adaptlab.course.in_place import keep_outputs
    from adaptlab.course.run import find_notebooks, run_lessons, summary
    from adaptlab.course.site import build_site

    use_format(dtype)
    if chat_model and Path(chat_model).is_dir():
        chat_model = str(Path(chat_model).resolve())  # lessons run in a folder of their own
    build = folder / "build" / (f"{profile}-{as_name(chat_model)}" if chat_model else profile)
    parameters = {"chat_model": chat_model} if chat_model else {}
    outcomes = run_lessons(
        find_notebooks(folder / "notebooks", tuple(lessons)), build, profile, parameters, workers
    )
    print(summary(outcomes))
    if in_place:
        for outcome in outcomes:
            if outcome.status in ("done", "kept"):
                name = f"{outcome.name}.ipynb"
                keep_outputs(folder / "notebooks" / name, build / "notebooks" / name)
    print(f"ledger: {build / 'ledger.json'}\nsite:   {build_site(build, folder)}")
    if any(outcome.status in ("failed", "skipped") for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def site(
    profile: str = "cpu",
    folder: Folder = Path("."),
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print each lesson to a PDF, with Chromium.")
    ] = False,
) -> None:
    """Build the site again from the last run."""
    from adaptlab.course.site import build_site
    from adaptlab.course.site.pdf import print_lessons

    index = build_site(folder / "build" / profile, folder)
    print(index)
    if pdf:
        print(print_lessons(index.parent))


@app.command()
def results(
    profile: str = "cpu",
    folder: Folder = Path("."),
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print every claim, also those recorded on real models."),
    ] = False,
) -> None:
    """Print the results and the resources of the last run, as Markdown or as JSON."""
    if as_json:
        from adaptlab.course.all_results import to_json

        print(to_json(folder / "build" / profile))
        return
    from adaptlab.course.summary import markdown

    print(markdown(folder / "build" / profile))


@app.command()
def doctor(
    folder: Folder = Path("."),
    need_gpu: Annotated[
        bool, typer.Option("--need-gpu", help="Exit with status 2 where torch sees no GPU.")
    ] = False,
    run: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a training run, also of another trainer: say why it failed. The exit"
            " status is 1 if a fault was found."
        ),
    ] = None,
    merged: Annotated[
        Path | None,
        typer.Option(
            help="With --run: a merged folder or a GGUF file made from the run. Those in its folder"
            " are compared without this option."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="With --run: the training data, to look for marks of other templates."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --run: print JSON.")] = False,
) -> None:
    """Print the hardware of this machine and the expected run times; or, with --run, the faults of
    a training run.
    """
    if run is not None:
        _diagnose(run, merged, data, as_json)
        return
    for name, value in (("merged", merged), ("data", data), ("json", as_json)):
        if value:
            raise AdaptLabError(f"--{name} is an option of --run. Leave it out, or give a run.")
    from adaptlab.doctor import report
    from adaptlab.models.load_model import profile

    if need_gpu:
        profile("gpu")
    print(report(folder))


def _diagnose(run: Path, merged: Path | None, data: Path | None, as_json: bool) -> None:
    from adaptlab.tune.diagnosis import diagnose

    with warnings_in_lines():
        found = diagnose(run, merged, data)
    if as_json:
        listed = [asdict(finding) for finding in found.findings]
        print(json.dumps({"findings": listed, "not_recorded": found.not_recorded}, indent=1))
    else:
        print(found)
    if found.findings:
        raise typer.Exit(1)


@app.command()
def plan(
    model: Annotated[
        str,
        typer.Option(
            help=(
                "A well-known model's name on the hub, embedded:chat, or the folder of a"
                " config.json."
            )
        ),
    ] = "embedded:chat",
    method: Annotated[str, typer.Option(help="lora, full or qlora.")] = "lora",
    batch: Annotated[
        int, typer.Option(min=0, help="Sequences per step; 0 takes the largest batch that fits.")
    ] = 0,
    seq: Annotated[int, typer.Option(help="Tokens per sequence.")] = 512,
    rank: Annotated[int, typer.Option(help="Rank of the adapters.")] = 16,
    precision: Annotated[
        str,
        typer.Option(
            help="float32, mixed or bfloat16; default: the format in which this machine trains."
        ),
    ] = "",
    checkpointing: Annotated[
        bool,
        typer.Option(
            "--checkpointing", help="Gradient checkpointing: keep only each layer's input."
        ),
    ] = False,
) -> None:
    """Predict the memory and time of a training step, and the largest batch for this machine, from
    a model's shapes.
    """
    from adaptlab.preflight import report

    print(report(model, method, batch or None, seq, rank, precision, checkpointing))


def main() -> None:
    """Entry point: print a known error or a rejected path as one sentence, with exit status 2."""
    try:
        app()
    except AdaptLabError as error:
        sys.exit(_said(str(error)))
    except OSError as error:
        if error.filename is None:  # not about a path, as when a reader of the output is gone
            raise
        sys.exit(_said(f"{error.filename} cannot be used ({error.strerror}). Give another path."))


def _said(sentence: str) -> int:
    """Print the sentence of a rejected command; return its exit status."""
    print(f"adaptlab: {sentence}", file=sys.stderr)
    return 2
