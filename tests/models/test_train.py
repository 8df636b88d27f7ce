"""Training: the first phases learn to copy, a killed run resumes to the same weights, and files are
never half-written.
"""

import dataclasses

import pytest
import torch

from adaptlab.errors import AdaptLabError
from adaptlab.models import recipe, train
from adaptlab.models.batches import batches
from adaptlab.world import mixture

PHASES = [
    recipe.Phase("repetition", 1024, (4e-3, 2e-3), mixture.REPETITION, n_tokens=12_000),
    recipe.Phase(
        "chat", 1024, (2e-3, 1e-3), mixture.BESIDE_CHAT, mixture.CHAT, 0.5, n_tokens=8_000
    ),
]


class Killed(Exception):
    pass


def weights(run):
    return torch.cat([m.detach().flatten() for m in run.optimizer.masters])


def test_a_killed_run_resumes_to_the_same_weights(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr("adaptlab.models.batches.POOL", 24)
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0)
    whole = train.PretrainingRun("mini", PHASES, tokenizer, tmp_path / "whole", seed=3)
    progress = whole.train()
    killed = train.PretrainingRun("mini", PHASES, tokenizer, tmp_path / "killed", seed=3)
    real = train.batch_loss
    calls = []

    def dying(*args):
        calls.append(1)
        if len(calls) == progress["steps"] - 3:
            raise Killed
        return real(*args)

    monkeypatch.setattr(train, "batch_loss", dying)
    with pytest.raises(Killed):
        killed.train()
    monkeypatch.setattr(train, "batch_loss", real)
    again = train.PretrainingRun("mini", PHASES, tokenizer, tmp_path / "killed", seed=3)
    assert 0 < again.progress["steps"] < progress["steps"]
    assert again.train()["data"] == progress["data"]
    assert again.progress["steps"] == progress["steps"]
    other_mixture = [dataclasses.replace(PHASES[0], documents=mixture.LOOKUP), PHASES[1]]
    for seed, phases in ((4, PHASES), (3, other_mixture)):
        with pytest.raises(AdaptLabError, match="another seed or recipe"):
            train.PretrainingRun("mini", phases, tokenizer, tmp_path / "killed", seed=seed)
    assert not list(tmp_path.rglob("*.part"))
    torch.testing.assert_close(weights(again), weights(whole), atol=1e-5, rtol=0)


def test_repetition_is_learned_in_a_few_hundred_steps(tmp_path, tokenizer):
    phase = dataclasses.replace(
        PHASES[0], n_tokens=330_000, n_batch_tokens=2048, rates=(6e-3, 6e-3)
    )
    run = train.PretrainingRun("mini", [phase], tokenizer, tmp_path / "run", seed=0)
    run.train()
    generator = torch.Generator().manual_seed(0)
    _, batch = next(batches(phase, tokenizer, "other"))
    with torch.inference_mode():
        # Among some 600 words; never seen lists.
        assert train.batch_loss(run.model, batch, generator)[1] > 0.5


@pytest.mark.parametrize(
    "budget, size", [(budget, size) for budget, sizes in recipe.BUDGETS.items() for size in sizes]
)
def test_every_length_of_a_budget_belongs_to_a_phase(budget, size):
    phases = recipe.phases("base", size, budget) + recipe.phases("chat", size, budget)
    assert {phase.name for phase in phases} == recipe.BUDGETS[budget][size].keys() and all(
        phase.n_tokens > 0 for phase in phases
    )
