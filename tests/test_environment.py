"""The three lists of dependencies agree, importing is light, and the command line refuses in a
sentence.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from adaptlab.doctor import against_lock, report
from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text, write_whole

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BIN = Path(sys.executable).parent


def locked() -> dict[str, str]:
    lines = [
        line
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    return {
        canonicalize_name(name): version for name, version in (line.split("==") for line in lines)
    }


def test_every_direct_dependency_is_locked_inside_its_range():
    versions = locked()
    direct = PROJECT["dependencies"] + [
        r
        for extra in ("api", "cluster", "dev", "gepa", "site", "stores", "teach")
        for r in PROJECT["optional-dependencies"][extra]
    ]
    for requirement in map(Requirement, direct):
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} against {version}"
    assert versions["torch"] == "2.13.0"


# Below these, a file or a page of a stranger could run code or break memory (in the packages' own
# security notices).
SAFE_FROM = {
    "torch": "2.10",
    "transformers": "5.3",
    "nbconvert": "7.17.1",
    "jupyterlab": "4.5.7",
    "notebook": "7.5.6",
    "jupyter-server": "2.18",
    "faiss-cpu": "1.15",
}


def test_versions_with_known_holes_are_not_taken():
    bounds = {
        canonicalize_name(r.name): str(r.specifier).removeprefix(">=")
        for r in map(
            Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
        )
    }
    for name, least in SAFE_FROM.items():
        assert Version(locked()[name]) >= Version(least), name
        assert name not in bounds or Version(bounds[name]) >= Version(least), name


def test_there_are_only_lower_bounds():
    for requirement in map(
        Requirement,
        [
            *PROJECT["dependencies"],
            *(r for extra in PROJECT["optional-dependencies"].values() for r in extra),
        ],
    ):
        assert {spec.operator for spec in requirement.specifier} == {">="}, requirement
    assert set(PROJECT["optional-dependencies"]) == {
        "gpu",
        "api",
        "cluster",
        "gepa",
        "harness",
        "site",
        "stores",
        "teach",
        "dev",
    }


def test_conda_installs_the_lock_and_the_package_on_the_same_python():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, by_pip = environment["dependencies"]
    assert (
        python == "python=3.11"
        and pip == "pip"
        and by_pip == {"pip": ["--requirement requirements.lock", "--editable ."]}
    )
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert python.removeprefix("python=") in PYTHONS


PYTHONS = re.search(r"^pythons=\((.+)\)$", (ROOT / ".ci/pythons").read_text(), re.MULTILINE)[
    1
].split()
MAKEFILE = (ROOT / "setup.mk").read_text() + (ROOT / "Makefile").read_text()


def test_all_say_the_same_of_the_pythons_that_will_do():
    """CI resolves the lock for each, and make takes no other."""
    oldest = PYTHONS[0]
    newest = PYTHONS[-1]
    assert [f"3.{minor}" for minor in range(int(oldest[2:]), int(newest[2:]) + 1)] == PYTHONS
    assert PROJECT["requires-python"] == f">={oldest},<3.{int(newest[2:]) + 1}"
    assert {f"python{version}" for version in PYTHONS} < set(
        re.search(r"^NAMES := (.+)$", MAKEFILE, re.MULTILINE)[1].split()
    )
    for text in (
        MAKEFILE,
        (ROOT / "README.md").read_text(),
        (ROOT / "requirements.lock").read_text(),
    ):
        assert f"Python {oldest} to {newest}" in text


def venv(
    tmp_path: Path, *pythons: tuple[str, str], **variables: str
) -> subprocess.CompletedProcess:
    """What make does about .venv in a folder without one, where PATH holds interpreters (name, a
    line of shell) and nothing else.
    """
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("sh", "cat", "touch", "echo", "make"):
        (programs / program).symlink_to(shutil.which(program))
    for name, line in pythons:
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    for name in ("Makefile", "setup.mk", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    settings = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        [programs / "make", "setup", *settings],
        cwd=tmp_path,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
    )


REAL = f'exec {sys.executable} "$@"'
OLD = 'case "$1" in -c) exit 1;; esac; echo "the old one was taken"; exit 3'


def test_make_takes_the_first_python_that_fits(tmp_path):
    """As on a machine whose python3 is too old, or lacks venv, and that has another beside it; the
    making itself is not run.
    """
    fits = f'case "$1" in -c) {REAL};; esac; echo "makes $2 $3"; exit 3'
    made = venv(tmp_path, ("python3", OLD), ("python3.12", fits))
    assert made.returncode != 0 and "makes venv .venv" in made.stdout and "old" not in made.stdout


@pytest.mark.parametrize(
    "pythons, variables, named",
    [
        ((), {}, "is found."),
        ((("python3", OLD),), {}, "is found."),
        ((("python3", REAL), ("mine", OLD)), {"PYTHON": "mine"}, "is found as mine."),
    ],
)
def test_without_a_fitting_python_make_says_what_to_install(tmp_path, pythons, variables, named):
    made = venv(tmp_path, *pythons, **variables)
    assert (
        made.returncode != 0
        and named in made.stdout
        and "apt install python3-venv" in made.stdout
        and "Traceback" not in made.stderr
    )


def test_the_lock_is_what_is_installed():
    assert against_lock(ROOT / "requirements.lock") == []


def test_no_two_files_of_tests_have_one_name():
    """pytest would import the first for both, and run neither's tests."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_code_is_linted_and_formatted():
    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [BIN / "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"torch", "transformers", "faiss", "matplotlib"}
    code = (
        "import sys, adaptlab.world.mixture, adaptlab.evals.claims,"
        f" adaptlab.cli\nprint(sorted({heavy} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        == "[]"
    )


@pytest.mark.parametrize("tool", ["lint-imports", "mypy"])
def test_imports_follow_the_rules_and_types_fit(tool):
    result = subprocess.run([BIN / tool], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--profile", "tpu"], "no profile"),
        (["run", "77"], "No lesson starts with"),
        (["run", "--folder", "/nowhere"], "no lessons"),
        (["serve", "embedded:huge"], "no embedded model"),
        (["models", "install", "."], "finished models"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_status_2(arguments, says):
    result = subprocess.run(
        [BIN / "adaptlab", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 2 and says in result.stderr and "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_doctor_reports():
    text = subprocess.run(
        [BIN / "adaptlab", "doctor"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    assert all(
        word in text for word in ("cores", "memory", "bfloat16", "GPU", "disk", "lock", "make run")
    )


@pytest.mark.parametrize("busy", [5.0, 80.0])
def test_doctor_says_when_other_programs_slow_the_measurement(monkeypatch, busy):
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: busy)
    assert ("other programs used 80%" in report(ROOT)) == (busy > 25)


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "a" / "file.json"
    write_whole(target, "old")

    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(AdaptLabError, match="No space left on device"):
        write_whole(target, "new")
    assert target.read_text() == "old" and list(target.parent.iterdir()) == [target]


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "latin").write_bytes("café".encode("latin-1"))
    with pytest.raises(AdaptLabError, match="not UTF-8"):
        read_text(tmp_path / "latin")


def test_nothing_lies_at_the_top_that_the_readme_does_not_know():
    """A command tried by hand from here leaves its output behind, and `git add .` keeps it."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("this copy is no git repository")
    top = {line.split("/")[0] for line in tracked.stdout.splitlines()}
    folders = {
        "benchmarks",
        "labs",
        "notebooks",
        "solutions",
        "src",
        "tests",
        ".ci",
        ".devcontainer",
        ".github",
    }
    files = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "setup.mk"}
    files |= {"CITATION.cff"}
    listed = {"environment.yml", "pyproject.toml", "requirements.lock", ".gitignore"}
    listed |= {".pre-commit-config.yaml"}
    assert top <= folders | files | listed, sorted(top - folders - files - listed)


def test_the_table_of_formulas_names_what_is_there():
    page = read_text(ROOT / "CONTRIBUTING.md")
    section = page.split("## Where to find a formula", 1)[1].split("\n## ", 1)[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for _, code, test in rows:
        path, *names = re.findall(r"[\w/]+\.py|\b[A-Za-z_]\w+(?=`|\.)", code)
        text = read_text(ROOT / "src/adaptlab" / path)
        for name in names:
            assert re.search(rf"^ *(?:def|class) {name}\b", text, flags=re.M), f"{path}: {name}"
        assert (ROOT / re.search(r"tests/[\w/]+\.py", test)[0]).is_file(), test
