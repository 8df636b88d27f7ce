"""The DPO loss is the one that TRL computes."""

import math

import pytest
import torch

from adaptlab.tune.dpo import dpo_trainer
from adaptlab.tune.losses import dpo_loss
from adaptlab.tune.options import PreferenceOptions
from adaptlab.tune.pairs import Pair


def test_without_a_margin_it_is_the_logarithm_of_two():
    same = torch.tensor([-7.0, -12.5])
    assert dpo_loss(same, same - 3, same, same - 3).item() == pytest.approx(math.log(2))


def test_it_is_the_loss_that_trl_logs_for_the_same_pairs(chat, tmp_path):
    """TRL computes log-probabilities and loss by itself; ours gets the log-probabilities alone."""
    prompt = [{"role": "user", "content": "Where does Lena live?"}]
    pairs = [Pair(prompt, "In Selby.", "I do not know."), Pair(prompt, "Selby", "In Melbury, yes.")]
    options = PreferenceOptions(
        method="full", batch_size=2, learning_rate=1e-9, beta=0.3, dtype="float32"
    )
    made = dpo_trainer(chat, pairs, options, str(tmp_path))
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter.mul_(1.01)  # away from the reference, or every margin is 0
    made.train()
    row = next(row for row in made.state.log_history if "loss" in row)

    moved = type(chat)("moved", made.model.float().eval(), chat.tokenizer)

    def scores(model, replies):
        return torch.tensor([sum(model.log_probabilities(prompt, reply)) for reply in replies])

    chosen, rejected = ([getattr(pair, side) for pair in pairs] for side in ("chosen", "rejected"))
    ours = dpo_loss(
        scores(moved, chosen),
        scores(moved, rejected),
        scores(chat, chosen),
        scores(chat, rejected),
        beta=0.3,
    )
    assert ours.item() == pytest.approx(row["loss"], rel=0.02)
    assert abs(ours.item() - math.log(2)) > 0.01
