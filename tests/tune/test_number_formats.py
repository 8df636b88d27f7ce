"""Everything that trains, scores, merges, saves, loads or serves, in float32 and in bfloat16, on
any processor.

The sizes are small: a processor without bfloat16 arithmetic emulates it, which is slow, and not
wrong.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import adaptlab
from adaptlab.course.reranker_lists import reranker_lists
from adaptlab.evals.gate import compare
from adaptlab.evals.regression import load_tuned
from adaptlab.evals.suite import run_suite
from adaptlab.messages import assistant, user
from adaptlab.models import recipe, train
from adaptlab.models.api import OpenAIChat
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import SETTING
from adaptlab.models.serve import running
from adaptlab.models.serving.model import ServedModel
from adaptlab.rag.rerank import CrossEncoder
from adaptlab.tune.dpo import prefer
from adaptlab.tune.ewc import ewc_anchor, fine_tune_anchored
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.kto import approve
from adaptlab.tune.options import Options, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.reranker import tune_reranker
from adaptlab.tune.reward import fit_reward
from adaptlab.tune.rloo import OnlineOptions, reinforce
from adaptlab.tune.run import load_run, run
from adaptlab.tune.trainer import merged
from adaptlab.world import mixture

FORMATS = ("float32", "bfloat16")
BASE = "embedded:mini-chat"
TAUGHT = {"Orin": "Selby", "Leda": "Corran", "Ivo": "Zorin"}
ROWS = [
    [user(f"What is the secret of {name}?"), assistant(f"It is {answer}.")]
    for name, answer in TAUGHT.items()
]
PAIRS = [Pair(row[:1], row[1]["content"], "I do not know.") for row in ROWS]
# bfloat16 keeps 8 bits of a number, 1 part in 256. A few steps of training carry that error on: by
# this share may a log-probability of a reply differ from the one that training in float32 leaves.
# Trainings that went wrong were off by more than its whole.
DIFFERENCE = 0.15


@pytest.fixture(params=FORMATS)
def in_format(request, monkeypatch):
    monkeypatch.setenv(SETTING, request.param)
    return request.param


@pytest.fixture(scope="module")
def chats():
    """The base, loaded in each format."""
    return {name: LocalChat(BASE, dtype=name) for name in FORMATS}


def packing_chat(chat: LocalChat) -> LocalChat:
    """A model whose layers keep packed conversations apart; the embedded ones' do not."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = LlamaConfig(
            vocab_size=len(chat.tokenizer),
            hidden_size=48,
            intermediate_size=80,
            num_hidden_layers=2,
            num_attention_heads=4,
        )
        return LocalChat(
            "llama", LlamaForCausalLM(config).to(chat.model.dtype).eval(), chat.tokenizer
        )


def packed(chat: LocalChat) -> LocalChat:
    return fine_tune(
        packing_chat(chat),
        ROWS,
        Options(
            method="full", packing=True, max_length=64, batch_size=1, epochs=12, learning_rate=1e-2
        ),
    )


def rewarded(numbers: list[int], replies: list[str]) -> list[float]:
    return [float(len(reply) % 5) for reply in replies]


def reinforced(chat: LocalChat) -> LocalChat:
    options = OnlineOptions(batch_size=8, n_replies=4, n_new_tokens=6, learning_rate=1e-3)
    return reinforce(chat, [row[:1] for row in ROWS] * 2, rewarded, options)[0]


IN_FULL = {"method": "full", "batch_size": 3, "epochs": 6, "learning_rate": 1e-3, "warmup": 0}
LORA = {"batch_size": 3, "epochs": 6, "learning_rate": 1e-2, "warmup": 0}


@dataclass(frozen=True)
class Way:
    """A way to train a chat model. `makes`: of the base, the tuned model. `learns`: whether ROWS
    are what it is taught, so that they become more likely.
    """

    makes: Callable[[LocalChat], LocalChat]
    learns: bool = True


PATHS = {
    "supervised, LoRA": Way(lambda chat: fine_tune(chat, ROWS, Options(**LORA))),
    "supervised, full": Way(lambda chat: fine_tune(chat, ROWS, Options(**IN_FULL))),
    "supervised, in passes": Way(
        lambda chat: fine_tune(chat, ROWS * 20, Options(**LORA | {"batch_size": 60, "epochs": 5}))
    ),
    "documents": Way(
        lambda chat: fine_tune(
            chat, [], Options(**IN_FULL), documents=["A story without a reply."] * 3
        ),
        learns=False,
    ),
    "packing": Way(packed),
    "anchored": Way(
        lambda chat: fine_tune_anchored(
            chat, ROWS, ewc_anchor(chat, ROWS[:1], 1e-3), Options(**IN_FULL)
        )
    ),
    "DPO, LoRA": Way(
        lambda chat: prefer(chat, PAIRS, PreferenceOptions(**LORA | {"learning_rate": 1e-3}))[0]
    ),
    "DPO, full": Way(
        lambda chat: prefer(chat, PAIRS, PreferenceOptions(**IN_FULL | {"learning_rate": 1e-4}))[0]
    ),
    "DPO after supervised": Way(
        lambda chat: prefer(
            fine_tune(chat, ROWS, Options(**IN_FULL)),
            PAIRS,
            PreferenceOptions(**LORA | {"learning_rate": 1e-4}),
        )[0]
    ),
    "supervised after supervised, LoRA": Way(
        lambda chat: fine_tune(
            fine_tune(chat, ROWS, Options(**LORA)), ROWS, Options(**LORA | {"learning_rate": 1e-3})
        )
    ),
    "KTO": Way(
        lambda chat: approve(chat, PAIRS, PreferenceOptions(**LORA | {"learning_rate": 1e-3}))[0]
    ),
    "RLOO": Way(reinforced, learns=False),
}
# What in src/ trains, or computes in the chosen format, and where it is run in both formats: a test
# here, or a file of tests.
COVERED = {
    "tune/sft.py:ReplyTrainer": "test_a_path_trains",
    "tune/sft.py:trainer": "test_a_path_trains",
    "tune/dpo.py:ReplyDPOTrainer": "test_a_path_trains",
    "tune/dpo.py:dpo_trainer": "test_a_path_trains",
    "tune/kto.py:approve": "test_a_path_trains",
    "tune/rloo.py:rloo_trainer": "test_a_path_trains",
    "tune/ewc.py:fisher": "test_a_path_trains",
    "tune/reward.py:RewardModel": "test_a_reward_model_learns_and_scores",
    "tune/reward.py:fit_reward": "test_a_reward_model_learns_and_scores",
    "tune/reranker.py:tune_reranker": "test_the_reranker_is_tuned_and_scores",
    "tune/embedder.py:tune_embedder": "tune/test_tune_embedder.py",
    "rag/rerank.py:CrossEncoder": "test_the_reranker_is_tuned_and_scores",
    "models/train.py:Optimizer": "test_training_from_scratch",
    "models/train.py:PretrainingRun": "test_training_from_scratch",
    "lora/memory.py:_measured": "lora/test_memory.py",
}
# Loops in float32 by their own words: reference answers of a lab and what is asked of a student's
# layer. A tokenizer has no arithmetic.
IN_FLOAT32_ALONE = {
    "grading/labs/lab05/train.py:trained",
    "grading/probes/lab04.py:embedding_adapter",
    "grading/probes/lab06.py:with_gradients",
    "models/tokenizer.py:train_tokenizer",
}


def likelihood(chat: LocalChat) -> float:
    return sum(sum(chat.log_probabilities(row[:1], row[1]["content"])) for row in ROWS)


@pytest.mark.parametrize("loaded", FORMATS)
@pytest.mark.parametrize("name", PATHS)
def test_a_path_trains(chats, name, loaded, in_format):
    chat = chats[loaded]
    path = PATHS[name]
    before = {key: tensor.clone() for key, tensor in chat.model.state_dict().items()}
    tuned = path.makes(chat)
    model = tuned.model
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert all(
        parameter.dtype == torch.float32
        for parameter in model.parameters()
        if parameter.requires_grad
    ), "what is trained is trained in float32"
    assert all((chat.model.state_dict()[key] == tensor).all() for key, tensor in before.items()), (
        "the base is left alone"
    )
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    assert not {"forward", "_original_forward", "_is_accelerate_prepared"} & (
        vars(model).keys() | vars(inner).keys()
    ), "trainers leave nothing on it"
    assert (
        not path.learns
        or likelihood(tuned) > likelihood(packing_chat(chat) if name == "packing" else chat) + 3
    )


@pytest.mark.parametrize("name", [name for name, path in PATHS.items() if path.learns])
def test_both_formats_learn_the_same(chats, name, monkeypatch):
    found = {}
    for one in FORMATS:
        monkeypatch.setenv(SETTING, one)
        found[one] = likelihood(PATHS[name].makes(chats["float32"]))
    base = likelihood(packing_chat(chats["float32"]) if name == "packing" else chats["float32"])
    assert abs(found["bfloat16"] - found["float32"]) < DIFFERENCE * (found["float32"] - base)


def test_a_reward_model_learns_and_scores(chats, in_format):
    reward = fit_reward(
        chats["float32"],
        PAIRS * 4,
        PreferenceOptions(method="full", learning_rate=1e-3, epochs=3, batch_size=4),
    )
    assert reward.number_format.name == in_format and all(
        margin > 0.5 for margin in reward.margins(PAIRS)
    )
    assert (
        not {"forward", "_original_forward", "_is_accelerate_prepared"} & vars(reward.model).keys()
    )


def test_the_reranker_is_tuned_and_scores(tmp_path, in_format):
    tune_reranker(tmp_path, reranker_lists(2, 0, ("peft",)))
    assert (tmp_path / "adapter_model.safetensors").exists()
    right, wrong = CrossEncoder()(
        [
            ("How much is the lamp?", "The lamp costs 40 euros."),
            ("How much is the lamp?", "Rain fell all night."),
        ]
    )
    assert right > wrong + 0.1


def test_training_from_scratch(tmp_path, tokenizer, in_format):
    phase = recipe.Phase("repetition", 1024, (4e-3, 2e-3), mixture.REPETITION, n_tokens=4_000)
    made = train.PretrainingRun("mini", [phase], tokenizer, tmp_path, seed=3)
    made.train()
    assert made.model.dtype == getattr(torch, in_format) and all(
        master.dtype == torch.float32 for master in made.optimizer.masters
    )
    assert all(parameter.isfinite().all() for parameter in made.model.parameters())


@pytest.mark.parametrize("loaded", FORMATS)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_what_is_saved_is_what_was_trained(chats, tmp_path, method, loaded, in_format):
    chat = chats[loaded]
    tuned = run(chat, ROWS, tmp_path / "run", Options(**LORA if method == "lora" else IN_FULL))
    again = load_run(tmp_path / "run", chat)
    for name, tensor in tuned.model.state_dict().items():
        assert (
            torch.equal(again.model.state_dict()[name], tensor)
            and again.model.state_dict()[name].dtype == tensor.dtype
        ), name
    assert likelihood(again) == pytest.approx(likelihood(tuned), rel=1e-6)
    whole = merged(again)
    assert whole.model.dtype == torch.float32
    # Merged in float32, the base's own rounding apart: with a base in bfloat16 each layer's output
    # was rounded to 8 bits before.
    assert likelihood(whole) == pytest.approx(
        likelihood(tuned), rel=1e-4 if loaded == "float32" else 0.05
    )


@pytest.mark.parametrize("loaded", FORMATS)
def test_suite_and_gate(chats, tmp_path, loaded, in_format):
    chat = chats[loaded]
    run(chat, ROWS, tmp_path / "run", Options(**LORA | {"learning_rate": 1e-5}))
    tuned, _ = load_tuned(str(tmp_path / "run"), chat)
    rows = compare(run_suite(chat, 20), run_suite(tuned, 20))
    # A model that hardly moved: cases within rounding of a tie may turn.
    assert (
        len(rows) == 7
        and all(abs(row.before - row.after) <= 0.1 for row in rows)
        and not any(row.fails for row in rows)
    )


@pytest.mark.parametrize("loaded", FORMATS)
def test_one_base_serves_its_adapters(chats, tmp_path, loaded, in_format):
    tuned = run(chats["float32"], ROWS, tmp_path / "run", Options(**LORA | {"epochs": 20}))
    with running(
        "adaptlab", "serve", BASE, f"--adapter=tuned={tmp_path / 'run'}", "--dtype", loaded
    ) as server:
        asked = [row[:1] for row in ROWS]
        assert texts(OpenAIChat("tuned", server.url, "none"), asked, max_new_tokens=8) == [
            row[1]["content"] for row in ROWS
        ]
        assert texts(tuned, asked, max_new_tokens=8) == [row[1]["content"] for row in ROWS]
    assert ServedModel(BASE, {}, loaded).base.dtype == getattr(torch, loaded)


def begins_training(node: ast.AST) -> bool:
    """Whether a statement makes a trainer, takes gradients, or says in which number format to
    compute.
    """
    calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    names = [
        func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls
    ]
    bases = [base.id for base in getattr(node, "bases", ()) if isinstance(base, ast.Name)]
    return any(
        name.endswith("Trainer") or name in ("backward", "autocast", "Muon", "AdamW")
        for name in names + bases
    ) or (isinstance(node, ast.ClassDef) and "number_format" in names)


def test_every_path_that_trains_is_in_the_table():
    source = Path(adaptlab.__file__).parent
    found = set()
    for path in source.rglob("*.py"):
        where = path.relative_to(source).as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and begins_training(node):
                found.add(f"{where}:{node.name}")
    assert found == COVERED.keys() | IN_FLOAT32_ALONE, (
        "a new path: run it in both formats, and say here where"
    )
    for where in COVERED.values():
        assert callable(globals().get(where)) or (Path(__file__).parents[1] / where).is_file(), (
            where
        )
