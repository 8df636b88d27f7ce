"""Anchors: the penalty by hand, the Fisher information against per-case gradients, and what they
hold in place.
"""

import pytest
import torch
from torch import nn

from adaptlab.messages import assistant, user
from adaptlab.models.local import LocalChat
from adaptlab.tune.ewc import (
    Anchor,
    anchored,
    ewc_anchor,
    fine_tune_anchored,
    fisher,
    l2_anchor,
    penalty,
)
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.tune.sft import trainer

OLD = [[user(f"What is {a} + 3?"), assistant(str(a + 3))] for a in range(4, 8)]
NEW = [[user(f"Which desk for number {i}?"), assistant("north")] for i in range(16)]
IN_FULL = Options(method="full", learning_rate=1e-3, batch_size=4)


@pytest.fixture(scope="module")
def chat():
    return LocalChat("embedded:mini-chat")


def test_the_penalty_by_hand():
    model = nn.Linear(2, 1)
    model.weight.data = torch.tensor([[1.0, -2.0]])
    model.bias.data = torch.tensor([0.5])
    anchor = Anchor(
        {"weight": torch.tensor([[0.0, 1.0]]), "bias": torch.tensor([0.0])},
        {"weight": torch.tensor([[2.0, 3.0]]), "bias": torch.tensor([4.0])},
        10.0,
    )
    assert penalty(model, anchor).item() == pytest.approx(10 / 2 * (2 * 1 + 3 * 9 + 4 * 0.25))
    penalty(model, anchor).backward()
    assert model.weight.grad.tolist() == [[10 * 2 * 1.0, 10 * 3 * -3.0]]
    model.bias.requires_grad_(False)
    assert penalty(model, anchor).item() == pytest.approx(10 / 2 * (2 * 1 + 3 * 9)), (
        "what is not trained has not moved"
    )


def test_the_fisher_information_is_the_mean_of_squared_gradients(chat):
    name = "model.layers.0.feed_forward.w1.weight"
    squares = []
    for messages in OLD[:2]:
        chat.model.zero_grad()
        ids = chat.tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)[
            "input_ids"
        ]
        n_learned = len(ids) - len(
            chat.tokenizer(chat.render(messages[:1]), add_special_tokens=False)["input_ids"]
        )
        logits = chat.model(torch.tensor([ids])).logits[0, -n_learned - 1 : -1]
        (
            -logits.log_softmax(-1).gather(1, torch.tensor(ids[-n_learned:])[:, None]).sum()
        ).backward()
        squares.append(chat.model.get_parameter(name).grad ** 2)
    chat.model.zero_grad()
    found = fisher(chat, OLD[:2])[name]
    assert (
        torch.allclose(
            found, (squares[0] + squares[1]) / 2, rtol=1e-4, atol=float(found.max()) * 1e-6
        )
        and found.max() > 0
    )
    assert chat.model.get_parameter(name).grad is None, "the model itself is left alone"


def test_importances_have_a_mean_of_one(chat):
    for anchor in (l2_anchor(chat, 1.0), ewc_anchor(chat, OLD, 1.0)):
        total, count = (
            sum(f(t) for t in anchor.importance.values())
            for f in (lambda t: float(t.sum()), torch.numel)
        )
        assert total / count == pytest.approx(1, rel=1e-3)


def test_a_stronger_anchor_keeps_the_weights_nearer(chat):
    def far(tuned):
        return sum(
            float(((p - q) ** 2).detach().sum())
            for p, q in zip(tuned.model.parameters(), chat.model.parameters())
        )

    free = far(fine_tune(chat, NEW, IN_FULL))
    held = far(fine_tune_anchored(chat, NEW, l2_anchor(chat, 100.0), IN_FULL))
    assert held < free / 4
    nothing = fine_tune_anchored(chat, NEW, l2_anchor(chat, 0.0), IN_FULL)
    assert far(nothing) == pytest.approx(free, rel=1e-3)


def test_the_validation_loss_has_no_penalty(chat, tmp_path):
    made = anchored(trainer(chat, NEW, IN_FULL, str(tmp_path)), l2_anchor(chat, 1e6))
    with torch.no_grad():
        made.model.get_parameter("model.layers.0.feed_forward.w1.weight").add_(0.01)
    batch = next(iter(made.get_train_dataloader()))
    in_training, in_evaluation = (
        made.compute_loss(made.model.train(mode), dict(batch)).item() for mode in (True, False)
    )
    assert in_training > 1000 > 50 > in_evaluation
