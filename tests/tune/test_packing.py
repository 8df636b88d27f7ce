"""Packed conversations: the loss and the gradients of the unpacked ones, or a refusal."""

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    FalconConfig,
    Lfm2Config,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant, user
from adaptlab.models.local import LocalChat
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.loss_mask import IGNORED
from adaptlab.tune.options import Options
from adaptlab.tune.packing import collate, packed
from adaptlab.tune.sft import trainer

ANSWERS = {
    "Orin": "Selby",
    "Leda": "Corran, which is a town by the sea",
    "Ivo": "Zorin",
    "Una": "Mirel and Tovan",
}
ROWS = [
    [user(f"What is the secret of {name}?"), assistant(f"{answer}.")]
    for name, answer in ANSWERS.items()
]
DOCUMENTS = ["Selby lies in the north.", "A secret of Orin is kept there, as everybody knows."]
SHAPE = {
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.2,
}
KINDS = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen": (Qwen3Config, Qwen3ForCausalLM)}


def random_chat(tokenizer, kind="llama", attention="sdpa"):
    config, architecture = KINDS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = architecture(
            config(vocab_size=len(tokenizer), attn_implementation=attention, **SHAPE)
        )
    return LocalChat(kind, model.eval(), tokenizer)


def loss_and_gradients(made, batch, n_learned):
    made.model.zero_grad()
    loss = made.compute_loss(made.model, batch, num_items_in_batch=n_learned)
    loss.backward()
    return loss.item(), {
        name: parameter.grad.clone() for name, parameter in made.model.named_parameters()
    }


def first_batch(chat, folder, **options):
    """A trainer and its first batch: of a size that is not cut into passes, and holds
    everything.
    """
    made = trainer(
        chat,
        ROWS,
        Options(method="full", batch_size=7, **options),
        str(folder),
        documents=DOCUMENTS,
    )
    return made, next(iter(made.get_train_dataloader()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_conversations_have_the_loss_and_gradients_of_unpacked_ones(
    tokenizer, tmp_path, kind, attention
):
    chat = random_chat(tokenizer, kind, attention)
    plain, unpacked = first_batch(chat, tmp_path)
    packing, batch = first_batch(chat, tmp_path, packing=True, max_length=48)
    assert len(unpacked["input_ids"]) == len(ROWS + DOCUMENTS) > len(batch["input_ids"]) > 1, (
        "some rows hold several texts, and there are several rows"
    )
    n_learned = (batch["labels"] != IGNORED).sum()
    assert n_learned == (unpacked["labels"][:, 1:] != IGNORED).sum(), (
        "every word but a text's first"
    )
    (loss, gradients), (wanted, wanted_gradients) = (
        loss_and_gradients(*pair, n_learned) for pair in ((packing, batch), (plain, unpacked))
    )
    assert loss == pytest.approx(wanted, rel=1e-5)
    for name, gradient in gradients.items():
        assert (gradient - wanted_gradients[name]).abs().max() <= 1e-5 * wanted_gradients[
            name
        ].abs().max(), name
    mixed, _ = loss_and_gradients(
        packing, {key: value for key, value in batch.items() if key != "position_ids"}, n_learned
    )
    assert abs(mixed - wanted) > 1e-3 * wanted, "where texts see each other the loss is another"


def test_texts_are_whole_and_positions_begin_anew():
    rows = [{"input_ids": [*range(10, 10 + n)], "labels": [*range(10, 10 + n)]} for n in (5, 2, 3)]
    made = list(packed(rows, 7))
    assert [row["input_ids"] for row in made] == [[10, 11, 12, 13, 14, 10, 11], [10, 11, 12]]
    batch = collate(made)
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4, 0, 1], [0, 1, 2, 0, 0, 0, 0]]
    assert batch["labels"].tolist() == [
        [IGNORED, 11, 12, 13, 14, IGNORED, 11],
        [IGNORED, 11, 12, *[IGNORED] * 4],
    ]


def test_a_packed_training_learns_in_fewer_steps_than_it_has_conversations(tokenizer, tmp_path):
    options = Options(
        method="full",
        learning_rate=1e-2,
        epochs=10,
        batch_size=2,
        packing=True,
        max_length=64,
        warmup=0,
    )
    made = trainer(random_chat(tokenizer), ROWS, options, str(tmp_path), ROWS)
    made.train()
    losses = [row["eval_loss"] for row in made.state.log_history if "eval_loss" in row]
    assert (
        made.state.global_step < options.epochs * len(ROWS) / options.batch_size
        and losses[-1] < losses[0] / 2
    )


@pytest.mark.parametrize(
    "config, words",
    [
        (
            Lfm2Config(block_ff_dim=80, full_attn_idxs=[1], **SHAPE),
            "has convolution layers",
        ),
        (BloomConfig(hidden_size=48, n_layer=2, n_head=4), ".*position_ids"),
        (
            FalconConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=4),
            ".*other probabilities",
        ),
    ],
    ids=lambda value: getattr(value, "model_type", ""),
)
def test_models_that_would_mix_packed_conversations_are_refused(tokenizer, config, words):
    config.vocab_size = len(tokenizer)
    chat = LocalChat("mine", AutoModelForCausalLM.from_config(config).eval(), tokenizer)
    with pytest.raises(AdaptLabError, match=f"^mine {words}.*Leave packing out"):
        fine_tune(chat, ROWS, Options(packing=True))


def test_the_embedded_models_are_refused(chat):
    with pytest.raises(AdaptLabError, match="convolution"):
        fine_tune(chat, ROWS, Options(packing=True))
