"""Models by the folder of an adapter, of a whole model, or of a run of `adaptlab tune`."""

import json
import shutil

import pytest
import torch
from peft import PeftModel

from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant, user
from adaptlab.models.local import LocalChat
from adaptlab.tune.options import Options
from adaptlab.tune.run import load_run, run

BASE = "embedded:mini-chat"
TALKS = [[user(f"Where is lamp {i}?"), assistant("On shelf 3.")] for i in range(4)]
ASKED = [[user("Where is lamp 9?")]]


@pytest.fixture(scope="module")
def chat():
    return LocalChat(BASE, dtype="float32")


@pytest.fixture(scope="module")
def runs(chat, tmp_path_factory):
    """Three finished runs: an adapter, a whole model, and an adapter on the first run."""
    place = tmp_path_factory.mktemp("runs")
    lora = Options(learning_rate=0.01, dtype="float32", batch_size=2)
    run(chat, TALKS, place / "lora", lora)
    full = Options(method="full", learning_rate=1e-3, dtype="float32", batch_size=2)
    run(chat, TALKS, place / "full", full)
    first = LocalChat(str(place / "lora"), dtype="float32")
    talks = [[user("And the desk?"), assistant("In the hall.")]] * 4
    run(first, talks, place / "second", lora)
    return place


def replies(model: LocalChat) -> list[str]:
    return [reply.text for reply in model.batch(ASKED, max_new_tokens=8)]


def logits(model: LocalChat) -> torch.Tensor:
    with torch.inference_mode():
        return model.model(torch.arange(5, 15)[None]).logits


@pytest.mark.parametrize("name", ["lora", "full"])
def test_a_runs_folder_is_a_model(runs, chat, name):
    loaded = LocalChat(str(runs / name), dtype="float32")
    kept = load_run(runs / name, chat)
    torch.testing.assert_close(logits(loaded), logits(kept))
    assert not torch.equal(logits(loaded), logits(chat))
    assert replies(loaded) == replies(kept)


@pytest.mark.parametrize("name", ["lora/adapter", "full/model"])
def test_so_is_its_result_anywhere(runs, tmp_path, name):
    moved = tmp_path / "moved"
    shutil.copytree(runs / name, moved)
    loaded = LocalChat(str(moved), dtype="float32")
    torch.testing.assert_close(logits(loaded), logits(LocalChat(str(runs / name.split("/")[0]))))


def test_an_adapter_names_its_base_by_the_id(runs):
    config = json.loads((runs / "lora" / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == BASE


def test_a_second_run_starts_from_the_first_with_its_adapter(runs):
    first, second = (LocalChat(str(runs / name), dtype="float32") for name in ("lora", "second"))
    assert isinstance(second.model, PeftModel) and len(second.model.peft_config) == 1
    torch.testing.assert_close(logits(second), logits(load_run(runs / "second", first)))
    with second.model.disable_adapter():
        torch.testing.assert_close(logits(second), logits(first), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "named, says",
    [
        (None, "does not name its base model"),
        ("", "does not name its base model"),
        ("/home/somebody/models/base", "which is not on this machine. Set base_model_name_or_path"),
        ("C:\\models\\base", "which is not on this machine"),
        ("embedded:nobody", "There is no embedded model 'nobody'"),
        ("embedded:main-chat", "does not fit|has no layer|does not find"),
    ],
)
def test_an_adapter_without_its_base_is_a_sentence(runs, tmp_path, named, says):
    moved = tmp_path / "adapter"
    shutil.copytree(runs / "lora" / "adapter", moved)
    path = moved / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": named}))
    with pytest.raises(AdaptLabError, match=says):
        LocalChat(str(moved))


def test_an_unfinished_run_is_a_sentence(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(AdaptLabError, match="is not finished"):
        LocalChat(str(tmp_path))
