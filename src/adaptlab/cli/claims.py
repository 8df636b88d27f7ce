"""adaptlab claims: measure the claims of the ledger on a language model of your choice."""

from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.options import Dtype, Folder, LocalModel
from adaptlab.files import as_name


def claims(
    names: Annotated[
        list[str], typer.Argument(help="Claims by id; default: all with an experiment.")
    ] = [],
    model: LocalModel = "gguf:smollm2",
    folder: Folder = Path("."),
    to: Annotated[
        Path | None, typer.Option(help="Target folder; default: build/claims/MODEL.")
    ] = None,
    dtype: Dtype = "",
    plan: Annotated[
        bool, typer.Option("--plan", help="Only plan: the tokens and hours of every claim.")
    ] = False,
    record: Annotated[
        bool,
        typer.Option("--record", help="Only copy what was measured into the course's records."),
    ] = False,
) -> None:
    """Measure claims on a language model; every reply and every seed is kept, and the same command
    resumes.
    """
    from adaptlab.studies.real_models.run import measure, missing_seeds, outcome, write_plan

    target = to or folder / "build" / "claims" / as_name(model)
    if record:
        from adaptlab.studies.real_models.run import record as keep

        studies = folder / "build" / "studies" / as_name(model)
        print(keep(target, as_name(model.partition(":")[2] or model), studies))
        for path in filter(missing_seeds, sorted(target.glob("*.json"))):
            seeds = ", ".join(map(str, missing_seeds(path)))
            print(f"{path.stem} is left out: seeds {seeds} are not measured.")
        return
    if plan:
        print(write_plan(model, dtype, target))
        return
    for path in measure(names, model, dtype, target):
        found = outcome(path)
        print(
            f"{found.id}: {found.verdict}, {found.value:.3f} [{found.low:.3f}, {found.high:.3f}],"
            f" n = {found.n}"
        )
