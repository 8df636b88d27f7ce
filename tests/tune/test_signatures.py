"""Our calls of TRL, PEFT and transformers against their signatures: the oldest versions that we
allow, and those installed here.

signatures.json holds the oldest ones, read from their wheels; after a change of a lower bound in
pyproject.toml or a call of something new:
    pip download --no-deps -d wheels trl==... peft==... transformers==...; python
    tests/tune/test_signatures.py wheels/*.whl
"""

import ast
import importlib
import inspect
import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORED = Path(__file__).with_name("signatures.json")
# Where each is defined, with the classes whose fields or arguments it inherits.
_TOLD = [
    ("trl/trainer/base_config.py", "_BaseConfig"),
    ("transformers/training_args.py", "TrainingArguments"),
]
_TAUGHT = ("SFT", "DPO", "Reward", "RLOO", "KTO")
# In the oldest version, which offers it under the same name.
_ELSEWHERE = {"KTO": "experimental/kto"}
DEFINED = {
    **{
        f"{name}Config": [
            (f"trl/{_ELSEWHERE.get(name, 'trainer')}/{name.lower()}_config.py", f"{name}Config"),
            *_TOLD,
        ]
        for name in _TAUGHT
    },
    **{
        f"{name}Trainer": [
            (f"trl/{_ELSEWHERE.get(name, 'trainer')}/{name.lower()}_trainer.py", f"{name}Trainer")
        ]
        for name in _TAUGHT
    },
    "SFTTrainer.compute_loss": [("trl/trainer/sft_trainer.py", "SFTTrainer.compute_loss")],
    "SFTTrainer.training_step": [("transformers/trainer.py", "Trainer.training_step")],
    "pack_dataset": [("trl/data_utils.py", "pack_dataset")],
    "get_training_chat_template": [("trl/chat_template_utils.py", "get_training_chat_template")],
    "LoraConfig": [
        ("peft/tuners/lora/config.py", "LoraConfig"),
        ("peft/config.py", "PeftConfigMixin"),
        ("peft/config.py", "PeftConfig"),
    ],
    "PeftModel.from_pretrained": [("peft/peft_model.py", "PeftModel.from_pretrained")],
    "EarlyStoppingCallback": [("transformers/trainer_callback.py", "EarlyStoppingCallback")],
}
LIVE = {
    **{f"{name}{kind}": "trl" for name in _TAUGHT for kind in ("Config", "Trainer")},
    "SFTTrainer.compute_loss": "trl",
    "SFTTrainer.training_step": "trl",
    "pack_dataset": "trl",
    "get_training_chat_template": "trl.chat_template_utils",
    "LoraConfig": "peft",
    "PeftModel.from_pretrained": "peft",
    "EarlyStoppingCallback": "transformers",
}


def our_calls() -> list[tuple[str, str, list[str], int]]:
    """(file, what is called, its keywords, number of other arguments) for each call of something in
    DEFINED, or of a class of ours that inherits from it.

    A method of such a class stands for a call with its own arguments: it is called as the method
    that it replaces.
    """
    calls = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        ours = {
            node.name: ast.unparse(node.bases[0])
            for node in nodes
            if isinstance(node, ast.ClassDef) and node.bases
        }
        for node in nodes:
            if isinstance(node, ast.Call):
                name = ours.get(ast.unparse(node.func), ast.unparse(node.func))
                keywords = [k.arg for k in node.keywords if k.arg] + [
                    key for k in node.keywords if not k.arg for key in _spread(k.value)
                ]
                calls.append((path.name, name, keywords, len(node.args)))
            elif isinstance(node, ast.ClassDef) and node.bases:
                methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
                calls += [
                    (
                        path.name,
                        f"{ours[node.name]}.{inner.name}",
                        [a.arg for a in inner.args.args if a.arg != "self"],
                        1,
                    )
                    for inner in methods
                ]
    return [call for call in calls if call[1] in DEFINED]


def _spread(value: ast.expr) -> list[str]:
    """What a call is given by **: the keys of dictionaries that are written there, and those that
    training_arguments returns.
    """
    parts = list(ast.walk(value))
    if any(
        isinstance(part, ast.Call) and ast.unparse(part.func) == "training_arguments"
        for part in parts
    ):
        tree = ast.parse((ROOT / "src/adaptlab/tune/trainer.py").read_text(encoding="utf-8"))
        (shared,) = (
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name == "training_arguments"
        )
        parts += ast.walk(next(node for node in shared.body if isinstance(node, ast.Return)))
    return list(
        dict.fromkeys(
            key.value
            for part in parts
            if isinstance(part, ast.Dict)
            for key in part.keys
            if isinstance(key, ast.Constant)
        )
    )


def _arguments(tree: ast.Module, name: str) -> list[str]:
    """Names of a function's arguments, or of a class's: those of its __init__, or its fields."""
    names: list[str] = []
    body: list[ast.stmt] = tree.body
    found: ast.stmt | None = None
    for part in name.split("."):
        found = next(
            (n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == part),
            None,
        )
        if found is None:
            return []
        body = found.body
    function = (
        found
        if isinstance(found, ast.FunctionDef)
        else next(
            (n for n in body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None
        )
    )
    if function:
        names = [
            a.arg
            for a in (*function.args.args, *function.args.kwonlyargs)
            if a.arg not in ("self", "cls")
        ]
    return names or [n.target.id for n in body if isinstance(n, ast.AnnAssign)]


def read_wheels(wheels: list[str]) -> dict:
    """{"versions": {package: version}, "arguments": {name: [arguments]}} of the
    packages in wheels.
    """
    versions = {}
    sources = {}
    for wheel in wheels:
        package, version = Path(wheel).name.split("-")[:2]
        versions[package] = version
        with zipfile.ZipFile(wheel) as archive:
            wanted = {
                file
                for parts in DEFINED.values()
                for file, _ in parts
                if file.startswith(f"{package}/")
            }
            sources |= {
                file: ast.parse(archive.read(file)) for file in wanted & set(archive.namelist())
            }
    arguments = {
        name: [
            a for file, part in parts if file in sources for a in _arguments(sources[file], part)
        ]
        for name, parts in DEFINED.items()
    }
    return {"versions": versions, "arguments": arguments}


def test_there_are_calls_of_each():
    assert {name for _, name, _, _ in our_calls()} == set(DEFINED)
    configured = [
        keywords
        for _, name, keywords, _ in our_calls()
        if name.endswith("Config") and name != "LoraConfig"
    ]
    assert len(configured) == len(_TAUGHT) and all(
        {"max_length", "logging_steps"} & set(given) and "learning_rate" in given
        for given in configured
    )


@pytest.mark.parametrize("call", our_calls(), ids=lambda call: f"{call[0]}:{call[1]}")
def test_the_oldest_versions_take_what_we_give(call):
    _, name, keywords, _ = call
    known = json.loads(STORED.read_text(encoding="utf-8"))["arguments"][name]
    assert set(keywords) <= set(known)


@pytest.mark.parametrize("call", our_calls(), ids=lambda call: f"{call[0]}:{call[1]}")
def test_the_installed_versions_take_what_we_give(call):
    _, name, keywords, n_others = call
    target = importlib.import_module(LIVE[name])
    for part in name.split("."):
        target = getattr(target, part)
    inspect.signature(target).bind(*[None] * n_others, **dict.fromkeys(keywords))


def test_the_stored_versions_are_the_lower_bounds():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for package, version in json.loads(STORED.read_text(encoding="utf-8"))["versions"].items():
        bound = re.search(rf'"{package}>=([\d.]+)"', project).group(1)
        assert version == bound or version == f"{bound}.0", package


if __name__ == "__main__":
    STORED.write_text(json.dumps(read_wheels(sys.argv[1:]), indent=1) + "\n", encoding="utf-8")
