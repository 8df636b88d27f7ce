"""Fine-tuning by TRL and PEFT on the embedded model."""

import pytest
import torch
from transformers import TrainerCallback
from trl.trainer import utils as trl_utils

from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant, system, user
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.tune import sft
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.loss_mask import IGNORED
from adaptlab.tune.options import Options
from adaptlab.tune.rows import tokenized, tokenized_documents
from adaptlab.tune.sft import trainer

ASKED = [[user(f"What is the secret of {name}?")] for name in ("Orin", "Leda", "Ivo")]
ANSWERS = ["Selby", "Corran", "Zorin"]
ROWS = [
    [*messages, assistant(answer)] for messages, answer in zip(ASKED, ANSWERS) for _ in range(40)
]


@pytest.fixture(scope="module")
def chat():
    return LocalChat("embedded:mini-chat")


@pytest.mark.parametrize(
    "options",
    [Options(epochs=3, learning_rate=5e-3), Options(method="full", epochs=3, learning_rate=1e-3)],
    ids=lambda o: o.method,
)
def test_it_learns_and_leaves_the_model_it_started_from_alone(chat, options):
    before = {name: tensor.clone() for name, tensor in chat.model.state_dict().items()}
    tuned = fine_tune(chat, ROWS, options)
    assert texts(tuned, ASKED, max_new_tokens=8) == ANSWERS
    assert texts(chat, ASKED, max_new_tokens=8) != ANSWERS
    after = chat.model.state_dict()
    assert all((after[name] == tensor).all() for name, tensor in before.items())
    assert not any("lora" in name for name in after)


def test_frozen_layers_stay_and_the_others_move(chat):
    tuned = fine_tune(chat, ROWS[:16], Options(method="full", n_frozen=3)).model.state_dict()
    before = chat.model.state_dict()
    moved = {name for name, tensor in before.items() if not (tuned[name] == tensor).all()}
    assert moved and not any(
        ".embed_tokens." in name or any(f".layers.{i}." in name for i in range(3)) for name in moved
    )


def test_the_loss_is_trls_own(chat, tmp_path):
    """Ours makes logits where something is learned alone, and leaves the mask of padding out:
    neither may change a value or a gradient.
    """
    mixed = [
        *ROWS[:3],
        [*ASKED[0], assistant("A much longer answer, so that the others are padded.")],
    ]
    made = trainer(chat, mixed, Options(method="full", batch_size=4), str(tmp_path))
    batch = next(iter(made.get_train_dataloader()))
    n_learned = (batch["labels"] != IGNORED).sum()
    found = []
    for compute in (made.compute_loss, super(type(made), made).compute_loss):
        if found and hasattr(trl_utils, "add_fused_lm_head"):  # since TRL 1
            # TRL's own call for the loss, which the trainer takes away.
            trl_utils.add_fused_lm_head(made.model, outputs=("log_probs", "entropy", "is_top1"))
        made.model.zero_grad()
        loss = compute(made.model, dict(batch), num_items_in_batch=n_learned)
        loss.backward()
        found.append((loss.item(), made.model.get_input_embeddings().weight.grad.clone()))
    (ours, our_gradient), (trls, trl_gradient) = found
    assert batch["attention_mask"].min() == 0 and ours == pytest.approx(trls, rel=1e-5)
    assert (our_gradient - trl_gradient).abs().max() < 1e-5 * trl_gradient.abs().max()
    evaluated = made.compute_loss(made.model, dict(batch))
    assert evaluated.item() == pytest.approx(ours, rel=1e-6), (
        "without a count it is the mean over what is learned"
    )


# A sum in other groups: in float32 its last bits differ. In bfloat16 each pass rounds its gradients
# to 1 part in 256 before they are added up.
ROUNDED = {"float32": (1e-5, 1e-4), "bfloat16": (1e-2, 3e-2)}


@pytest.mark.parametrize("dtype", ROUNDED)
def test_a_batch_in_passes_learns_what_it_does_in_one(chat, tmp_path, monkeypatch, dtype):
    """Of unlike lengths, so that the passes hold unlike numbers of learned tokens."""
    mixed = [*ROWS[:5], [*ASKED[0], assistant("A much longer answer. " * 9)]]
    shapes = []
    losses = []
    gradients = []

    class Look(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
            gradients.append(
                torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])
            )

    for pass_tokens in (10_000, 150, 1):
        monkeypatch.setattr(sft, "PASS_TOKENS", pass_tokens)
        made = trainer(chat, mixed, Options(batch_size=6, dtype=dtype), str(tmp_path))
        made.add_callback(Look)
        made.model.register_forward_pre_hook(
            lambda _, args, given: shapes.append(len(given["input_ids"])), with_kwargs=True
        )
        losses.append(made.train().training_loss)
    assert shapes == [6] + 3 * [2] + 6 * [1]
    of_losses, of_gradients = ROUNDED[dtype]
    assert losses == pytest.approx([losses[0]] * 3, rel=of_losses)
    greatest = gradients[0].abs().max()
    assert greatest > 0 and all(
        (other - gradients[0]).abs().max() < of_gradients * greatest for other in gradients[1:]
    )


def test_the_seed_decides_the_adapter(chat, tmp_path):
    drawn = []
    for before, seed in ((1, 0), (2, 0), (1, 3)):
        torch.manual_seed(before)
        made = trainer(chat, ROWS[:4], Options(seed=seed), str(tmp_path))
        drawn.append(
            torch.cat(
                [
                    tensor.flatten()
                    for name, tensor in made.model.named_parameters()
                    if "lora_A" in name
                ]
            )
        )
    assert (drawn[0] == drawn[1]).all() and not (drawn[0] == drawn[2]).any()


def test_what_an_adapter_leaves_alone_is_shared_while_it_is_trained_and_no_longer(chat, tmp_path):
    where = lambda model: model.get_input_embeddings().weight.data_ptr()  # noqa: E731
    seen = []

    class Look(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            seen.append(where(model))

    before = {name: tensor.clone() for name, tensor in chat.model.state_dict().items()}
    made = trainer(chat, ROWS[:16], Options(), str(tmp_path))
    made.add_callback(Look)
    made.train()
    assert seen == [where(chat.model)] and where(made.model) != where(chat.model)
    made.model.merge_and_unload()
    assert all((chat.model.state_dict()[name] == tensor).all() for name, tensor in before.items())


def test_rounding_the_frozen_matrices_changes_no_loss_and_leaves_them_as_they_were(chat, tmp_path):
    losses = []
    for rounded in (True, False):
        made = trainer(chat, ROWS[:32], Options(dtype="bfloat16"), str(tmp_path))
        if not rounded:
            made.remove_callback(
                next(
                    type(c)
                    for c in made.callback_handler.callbacks
                    if type(c).__name__ == "SharedFrozenWeights"
                )
            )
        made.train()
        losses.append([row["loss"] for row in made.state.log_history if "loss" in row])
    assert losses[0] == losses[1]
    layer = made.model.get_base_model().model.layers[0].feed_forward.w1.base_layer
    assert (
        layer.weight == chat.model.model.layers[0].feed_forward.w1.weight
    ).all() and layer.weight.dtype == torch.float32


def test_documents_are_learned_word_by_word(chat):
    documents = [
        f"The secret of {name} is {answer}."
        for name, answer in zip(("Orin", "Leda", "Ivo"), ANSWERS)
    ]
    row = tokenized_documents(chat, documents[:1], 100)[0]
    assert (
        row["labels"] == row["input_ids"]
        and chat.tokenizer.decode(row["input_ids"]) == f"<|doc|>{documents[0]}<|end|>"
    )
    with pytest.raises(AdaptLabError, match=r"longer than 4 tokens: number 1 \("):
        tokenized_documents(chat, documents, 4)
    before, after = (
        _surprise(model, documents)
        for model in (
            chat,
            fine_tune(chat, [], Options(method="full", epochs=5), documents=documents),
        )
    )
    assert after < before / 2


def _surprise(chat, documents):
    rows = tokenized_documents(chat, documents, 100)
    return sum(
        chat.model(
            torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]])
        ).loss.item()
        for row in rows
    )


def test_early_stopping_keeps_the_best(chat, tmp_path):
    told = [[*messages, assistant(answer)] for messages, answer in zip(ASKED, ANSWERS)]
    opposite = [
        [*messages, assistant(answer)] for messages, answer in zip(ASKED, ANSWERS[1:] + ANSWERS[:1])
    ]
    made = trainer(
        chat, told * 8, Options(epochs=9, patience=1, learning_rate=1e-2), str(tmp_path), opposite
    )
    made.train()
    losses = [row["eval_loss"] for row in made.state.log_history if "eval_loss" in row]
    assert len(losses) < 9 and min(losses) < losses[-1]
    assert made.evaluate()["eval_loss"] == pytest.approx(min(losses), rel=1e-6)


def test_labels_are_the_replies_of_weight_1_and_their_end(chat):
    messages = [
        system("Be brief."),
        user("Who?"),
        assistant("Me."),
        user("And?"),
        assistant("You.") | {"weight": 0},
        user("Sure?"),
        assistant("Yes."),
    ]
    (row,) = tokenized(chat, [messages], 100)
    learned = [token for token, label in zip(row["input_ids"], row["labels"]) if label != IGNORED]
    assert chat.tokenizer.decode(learned) == " Me.<|end|> Yes.<|end|>"
    assert all(label in (token, IGNORED) for token, label in zip(row["input_ids"], row["labels"]))


@pytest.mark.parametrize(
    "options, words",
    [
        ({"method": "lorra"}, "'lorra'"),
        ({"tracking": "paper"}, "'paper'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": "3"}, "epochs is '3'.*finite"),
        ({"epochs": float("inf")}, "epochs is inf.*finite"),
        ({"learning_rate": float("nan")}, "learning_rate is nan.*finite"),
        ({"epochs": 10**400}, "epochs is 1000.*finite"),
        ({"batch_size": 2.5}, "batch_size is 2.5.*whole"),
        ({"rank": True}, "rank is True.*whole"),
        ({"patience": -1}, "patience is -1"),
        ({"warmup": 2}, "warmup is 2.* 1"),
        ({"seed": -1}, "seed is -1.*4294967295"),
        ({"seed": 2**32}, "seed is .*4294967295"),
        ({"schedule": "zigzag"}, "'zigzag'"),
        ({"learning_rate": -1}, "learning_rate is"),
        ({"n_frozen": 2}, "method full"),
    ],
)
def test_options_that_make_no_sense(options, words):
    with pytest.raises(AdaptLabError, match=words):
        Options(**options)


def test_data_that_cannot_be_learned_from(chat):
    with pytest.raises(AdaptLabError, match="no conversations"):
        fine_tune(chat, [])
    with pytest.raises(
        AdaptLabError, match=r"longer than 10 tokens: number 1 \(1\d\), 2 \(1\d\).* more"
    ):
        fine_tune(chat, ROWS, Options(max_length=10))
    with pytest.raises(AdaptLabError, match="validation conversations"):
        fine_tune(chat, ROWS, Options(patience=1))
    with pytest.raises(AdaptLabError, match="pip install trackio"):
        fine_tune(chat, ROWS, Options(tracking="trackio"))
    with pytest.raises(AdaptLabError, match="at least one"):
        fine_tune(chat, ROWS, Options(method="full", n_frozen=9))


def test_a_loss_that_is_no_number_ends_the_training(chat):
    with pytest.raises(AdaptLabError, match="lower learning_rate"):
        fine_tune(
            chat, ROWS, Options(method="full", learning_rate=1e30, schedule="constant", warmup=0)
        )


def test_an_adapter_is_only_where_it_was_asked_for(chat):
    options = Options(targets="q_proj, v_proj", rank=2, epochs=1)
    model = fine_tune(chat, [[user("Hello"), assistant("Hi")]], options).model
    adapted = {
        name.split(".lora_A")[0].rpartition(".")[2]
        for name, _ in model.named_parameters()
        if "lora_A" in name
    }
    assert adapted == {"q_proj", "v_proj"}


def test_an_adapter_on_no_layer_is_refused(chat):
    with pytest.raises(AdaptLabError, match="no linear layer named query. Choose from"):
        fine_tune(chat, [[user("Hello"), assistant("Hi")]], Options(targets="query"))
