"""Every workflow fits the schema and asks for the least rights; every shell step of it is one that
runs here, or is run here.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
JOBS = [
    (path, name, job)
    for path in WORKFLOWS
    for name, job in yaml.safe_load(path.read_text())["jobs"].items()
]
STEPS = sorted({step["run"] for _, _, job in JOBS for step in job["steps"] if "run" in step})
ELSEWHERE = ("gh pr comment",)  # it writes to a pull request: its arguments alone are looked at


def shell(command: str, **options):
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        **options,
    )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_fits_its_schema(path):
    result = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("path", "name", "job"),
    JOBS,
    ids=lambda part: getattr(part, "stem", part if isinstance(part, str) else ""),
)
def test_rights_are_the_least_and_time_is_bounded(path, name, job):
    assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}
    assert job.get("permissions", {}) == ({"pull-requests": "write"} if name == "comment" else {})
    assert job["timeout-minutes"] <= 240
    if name == "comment":  # rights to write go with no code of the change
        assert not [step for step in job["steps"] if "checkout" in step.get("uses", "")]
    for step in job["steps"]:
        assert "${{" not in step.get("run", ""), (
            "what others wrote must not become shell: pass it by env"
        )


@pytest.mark.parametrize("command", STEPS)
def test_a_step_is_one_that_runs(command):
    """What takes minutes is tried without being done: make by its dry run, scripts and commands by
    their parsing; `adaptlab` must know each option.
    """
    assert shell(f"bash -n <<'STEP'\n{command}\nSTEP").returncode == 0
    first, *rest = command.split()
    if first == "make":
        assert shell(f"make --dry-run --always-make {' '.join(rest)}").returncode == 0
    elif first == "bash":
        script = ROOT / rest[0]
        assert script.is_file() and shell(f"bash -n {script}").returncode == 0
    elif first == ".venv/bin/pytest":
        assert command.split()[1:] and all((ROOT / path).is_file() for path in command.split()[1:])
    elif first == ".venv/bin/adaptlab":
        program, *options = (
            re.split(r"[|>]", command)[0]
            .replace(".venv/bin/adaptlab", str(BIN / "adaptlab"), 1)
            .split()
        )
        told = shell(f"{program} {options[0]} --help").stdout
        assert all(option in told for option in options[1:] if option.startswith("--")), told
    else:
        assert command.startswith(ELSEWHERE)


def test_the_step_that_wants_a_gpu_fails_where_there_is_none():
    (path,) = [path for path in WORKFLOWS if path.stem == "gpu"]
    steps = [
        step["run"]
        for step in yaml.safe_load(path.read_text())["jobs"]["lessons"]["steps"]
        if "run" in step
    ]
    (guard,) = [step for step in steps if "--need-gpu" in step]
    assert steps.index(guard) < min(i for i, step in enumerate(steps) if "--profile gpu" in step)
    result = shell(
        guard.replace(".venv/bin", str(BIN)), env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    )
    assert result.returncode == 2 and "needs a CUDA GPU" in result.stderr


def test_the_steps_that_tell_results_tell_them(tmp_path):
    """Run as they stand, on a course's folder that holds a run."""
    records = '[{"id": "P1", "verdict": "holds", "value": 0.5, "low": 0.4, "high": 0.6, "n": 10}]'
    row = (
        '{"lesson": "01", "device": "processor", "seconds": 60.0, "peak_mib": 900,'
        ' "gpu_peak_mib": 0}'
    )
    usage = (
        '{"command": "adaptlab run", "cores": 2, "gigaflops": 100, "dtype": "float32",'
        f' "dtype_reason": "it was asked for", "rows": [{row}]}}'
    )
    for profile in ("cpu", "gpu"):
        build = tmp_path / "build" / profile
        build.mkdir(parents=True)
        (build / "ledger.json").write_text(records)
        (build / "usage.json").write_text(usage)
    steps = [step for step in STEPS if "adaptlab results" in step]
    assert len(steps) == 2
    for step in steps:
        told = tmp_path / "summary.md"
        command = f"cd {tmp_path}; {step.replace('.venv/bin', str(BIN))}"
        assert shell(command, env=os.environ | {"GITHUB_STEP_SUMMARY": str(told)}).returncode == 0
        assert all(
            part in told.read_text()
            for part in (
                "**1 claims**: 1 holds",
                "| P1 | holds | 0.500 [0.400, 0.600] | 10 |",
                "| 01 | processor | 1.0 | 900 | 0 |",
            )
        )
    assert (tmp_path / "results.md").read_text() in told.read_text() * 2


def test_the_comment_is_the_table_and_takes_its_number_from_the_environment():
    (command,) = [step for step in STEPS if step.startswith(ELSEWHERE)]
    assert '"$NUMBER"' in command and "--body-file results.md" in command
