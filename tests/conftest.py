"""Every test runs without a network and without a browser."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["ADAPTLAB_UNATTENDED"] = "1"

import pytest
from hypothesis import settings

from adaptlab.cores import available_cores
from adaptlab.files import write_whole

# Before torch reads it: with more threads than cores the tests would wait for each other at every
# step.
if os.environ.get("OMP_NUM_THREADS", "").isdigit():
    os.environ["OMP_NUM_THREADS"] = str(min(int(os.environ["OMP_NUM_THREADS"]), available_cores()))

# Of properties, the same few examples on every machine; ADAPTLAB_EXAMPLES=2000 looks for new ones.
EXAMPLES = os.environ.get("ADAPTLAB_EXAMPLES")
settings.register_profile(
    "adaptlab",
    max_examples=int(EXAMPLES or 25),
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
)
settings.load_profile("adaptlab")


# By file: a file's tests share what it has made. `make check` leaves both out.
SLOW = {
    "test_wrong_inputs", "test_environment", "test_preflight", "test_workflows",
    "test_number_formats", "test_resume", "test_export", "test_tracking", "test_sft",
    "test_reranker", "test_dpo", "test_processes", "test_kto", "test_rloo", "test_reward",
    "test_train", "test_serve", "test_served_options", "test_assets", "test_precision", "test_api",
    "test_local", "test_index", "test_docstrings", "test_card", "test_run", "test_site",
    "test_checks", "test_release",
    "test_answers", "test_any_conversation", "test_accounting", "test_pgvector", "test_command",
    "test_rerank", "test_ewc", "test_packing", "test_memory", "test_words_kept", "test_decisions",
    "test_diagnosis", "test_optimize",
}  # fmt: skip  # names, a table
SANDBOX = {
    "test_labs", "test_hostile", "test_honest", "test_cluster", "test_marks", "test_artefacts",
    "test_doctor", "test_apart", "test_own_level", "test_gradebook", "test_levels",
    "test_machines", "test_formgrader", "test_round_trip", "test_rebuilding", "test_bombs",
    "test_stalling",
}  # fmt: skip  # names, a table


def pytest_collection_modifyitems(items) -> None:
    """Mark what trains or takes long, and what runs the code of a submission."""
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker(pytest.mark.slow)
        if item.path.stem in SANDBOX:
            item.add_marker(pytest.mark.sandbox)


@pytest.fixture(scope="session")
def chat():
    """The embedded chat model, loaded once."""
    from adaptlab.models.local import LocalChat

    return LocalChat("embedded:chat")


@pytest.fixture(scope="session")
def tokenizer(chat):
    return chat.tokenizer


CORPORA = {
    "test_hostile.py": (
        "hostile notebooks got marks that they had not earned, or cost others theirs"
    ),
    "test_honest.py": "honest ones lost a point",
}


def pytest_terminal_summary(terminalreporter) -> None:
    """The two ways in which a grader errs, side by side, and for each lab how many wrong answers
    are refused by name; and what was skipped, and why.
    """
    write_whole(
        SKIPPED,
        "".join(f"{line}\n" for line in _skipped(terminalreporter.stats.get("skipped", []))),
    )
    reports = [
        report
        for how in ("passed", "failed")
        for report in terminalreporter.stats.get(how, [])
        if report.when == "call"
    ]
    for line in [*_errors(reports), *_refused(reports)]:
        terminalreporter.write_line(line)


# Which `make test` prints as its last words.
SKIPPED = Path(__file__).parents[1] / "build" / "skipped.txt"
NO_BOX = "This machine has no sandbox"  # how the sentence on a machine without one begins


def _skipped(reports: list) -> Iterator[str]:
    """How many tests were skipped for each reason, and what brings those back that need
    bubblewrap.
    """
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in reports
        if isinstance(report.longrepr, tuple)
    )
    for reason, n in reasons.most_common():
        yield f"{n} tests were skipped: {reason}"
    if any(NO_BOX in reason or "level bwrap" in reason for reason in reasons):
        yield (
            "The grader's tests need bubblewrap. To run them: sudo apt install bubblewrap (Fedora:"
            " sudo dnf install bubblewrap), then make test"
        )


def _errors(reports: list) -> Iterator[str]:
    said = []
    for file, what in CORPORA.items():
        found = [
            report.failed
            for report in reports
            if f"{file}::" in report.nodeid and "wire" not in report.nodeid
        ]
        if found:
            said.append(f"{sum(found)} of {len(found)} {what}")
    if said:
        yield f"grading: {'; '.join(said)}"


def _refused(reports: list) -> Iterator[str]:
    by_name = Counter()
    total = Counter()
    for report in reports:
        for key, value in report.user_properties:
            if key == "refused":
                lab, n, of = value
                by_name[lab] += n
                total[lab] += of
    if total:
        yield "wrong answers refused by the name of the misconception: " + ", ".join(
            f"{lab} {by_name[lab]} of {total[lab]}" for lab in sorted(total)
        )
