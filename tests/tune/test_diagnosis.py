"""Why a run failed: real runs with a planted fault are named, and healthy runs are not.

The runs of this course are trained on the smallest model. The folders of other trainers are made by
transformers itself, or have the files that it writes.
"""

import json
import shutil
import sys
from functools import partial

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
)

from adaptlab.cli import main
from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant, user
from adaptlab.models.load_adapter import with_adapter
from adaptlab.models.load_model import WEIGHTS
from adaptlab.models.local import LocalChat
from adaptlab.models.merge import whole_model
from adaptlab.tune import diagnosis, faults, recorded
from adaptlab.tune.checked_reward import RewardFunction, RewardRow
from adaptlab.tune.diagnosis import diagnose
from adaptlab.tune.dpo import dpo_trainer
from adaptlab.tune.loss_mask import IGNORED
from adaptlab.tune.options import Options, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.rloo import OnlineOptions, checked_trainer
from adaptlab.tune.run import run
from adaptlab.tune.sft import trainer
from adaptlab.tune.trainer import Diverged

BASE = "embedded:mini-chat"
FOLDER = WEIGHTS / "mini-chat"
ROWS = [
    [user(f"What is the secret of {name}?"), assistant(answer)]
    for name, answer in (("Orin", "Selby"), ("Leda", "Corran"), ("Ivo", "Zorin"))
] * 8
SHORT = {"epochs": 1, "batch_size": 8, "dtype": "float32"}
LONG = {"epochs": 16, "batch_size": 4, "dtype": "float32"}


@pytest.fixture(scope="module")
def chat():
    return LocalChat(BASE)


@pytest.fixture(scope="module")
def healthy(chat, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "healthy"
    run(chat, ROWS, folder, Options(**LONG))
    return folder


@pytest.fixture
def copied(healthy, tmp_path):
    """A copy of the healthy run, for a fault."""
    shutil.copytree(healthy, tmp_path / "run")
    return tmp_path / "run"


def edited(path, **changes):
    """Change keys of a JSON file; None removes a key."""
    content = json.loads(path.read_text()) | changes
    kept = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(kept))


def only(folder, **given) -> faults.Finding:
    (finding,) = diagnose(folder, **given).findings
    return finding


def command(monkeypatch, *given):
    monkeypatch.setattr(sys, "argv", ["adaptlab", "doctor", "--run", *map(str, given)])
    try:
        main()
    except SystemExit as end:
        return end.code
    return 0


def test_a_healthy_run_is_one_sentence_and_status_zero(healthy, monkeypatch, capsys):
    assert not command(monkeypatch, healthy)
    assert capsys.readouterr().out == f"No fault was found in {healthy}.\n"


@pytest.mark.parametrize("kind", ["full", "preferences", "documents"])
def test_other_healthy_runs_have_no_fault(chat, tmp_path, kind):
    folder = tmp_path / "run"
    if kind == "full":
        run(chat, ROWS, folder, Options(**LONG, method="full", learning_rate=3e-4))
    elif kind == "preferences":
        pairs = [Pair(row[:1], row[1]["content"], "I do not know.") for row in ROWS]
        run(chat, pairs, folder, PreferenceOptions(**SHORT), make_trainer=dpo_trainer)
    else:
        run(chat, ROWS, folder, Options(**SHORT), documents=["A short document."])
    found = diagnose(folder)
    assert not found.findings and not found.not_recorded


def without_ends(chat, rows, options, folder):
    """A trainer whose labels leave the end token out, as a template without it would."""
    made = trainer(chat, rows, options, folder)
    ends = {*chat.template.end_ids}

    def cut(row):
        labels = [IGNORED if label in ends else label for label in row["labels"]]
        return {"labels": labels}

    made.train_dataset = made.train_dataset.map(cut)
    return made


def test_end_tokens_that_are_not_learned_are_counted(chat, tmp_path):
    run(chat, ROWS, tmp_path / "run", Options(**SHORT), make_trainer=without_ends)
    finding = only(tmp_path / "run")
    assert finding.name == faults.END_TOKEN
    assert "in none of the 24 learned labels of 24 rows" in finding.says


def rewarded(chat, folder, score, **changes):
    rows = [RewardRow([user(f"What is {i} + 1?")], {"answer": i + 1}) for i in range(10, 18)]
    options = {"batch_size": 4, "n_replies": 4, "n_new_tokens": 6, "dtype": "float32"}
    function = RewardFunction("score", "0", score)
    make = partial(checked_trainer, function=function, report=lambda sentence: None)
    run(chat, rows, folder, OnlineOptions(**(options | changes)), make_trainer=make)


def test_a_constant_reward_is_found_with_its_value(chat, tmp_path):
    rewarded(chat, tmp_path / "run", lambda reply, fields: 0)
    finding = only(tmp_path / "run")
    assert finding.name == faults.CONSTANT_REWARD
    assert "The reward is 0 for all replies in all 2 logged steps" in finding.says


def test_replies_that_a_reward_drives_to_the_limit_are_found(chat, tmp_path):
    score = {"epochs": 6, "learning_rate": 1e-2, "n_new_tokens": 12}
    rewarded(chat, tmp_path / "run", lambda reply, fields: len(reply) / 20, **score)
    finding = only(tmp_path / "run")
    assert finding.name == faults.REWARD_HACKING
    assert "run to the limit of 12 tokens" in finding.says


def test_a_run_on_rewards_without_a_fault_has_none(chat, tmp_path):
    rewarded(chat, tmp_path / "run", lambda reply, fields: float(len(reply) % 3), n_new_tokens=12)
    found = diagnose(tmp_path / "run")
    assert not found.not_recorded
    assert {finding.name for finding in found.findings} <= {faults.CONSTANT_REWARD}


def test_a_run_that_diverged_is_named_and_its_folder_is_free_again(chat, tmp_path):
    folder = tmp_path / "run"
    wild = Options(**SHORT, method="full", learning_rate=1e30, schedule="constant", warmup=0)
    with pytest.raises(Diverged):
        run(chat, ROWS, folder, wild)
    finding = only(folder)
    assert finding.name == faults.DIVERGED and "learning rate of 1e+30" in finding.says
    run(chat, ROWS, folder, Options(**SHORT))
    assert not (folder / "failed.json").exists() and not diagnose(folder).findings


def test_a_learning_rate_that_is_far_too_high_is_named_with_the_loss(chat, tmp_path):
    run(chat, ROWS, tmp_path / "run", Options(**LONG, method="full", learning_rate=1.0))
    finding = only(tmp_path / "run")
    assert finding.name == faults.DIVERGED and "with a learning rate of 1." in finding.says


def test_a_loss_that_never_fell_is_named(chat, tmp_path):
    run(chat, ROWS, tmp_path / "run", Options(**LONG, learning_rate=1e-9))
    finding = only(tmp_path / "run")
    assert finding.name == faults.NO_LEARNING and "of the 10 logged steps" in finding.says


def test_an_adapter_that_is_still_zero_is_named(copied):
    path = copied / "adapter" / "adapter_model.safetensors"
    tensors = load_file(path)
    save_file({name: tensor * ("lora_B" not in name) for name, tensor in tensors.items()}, path)
    assert only(copied).says.startswith("All 24 matrices B of the adapter are zero")


def test_a_slow_number_format_is_named_with_its_speed(chat, tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "bfloat16_speed", lambda: 0.04)
    run(chat, ROWS[:8], tmp_path / "run", Options(**SHORT | {"dtype": "bfloat16"}))
    finding = only(tmp_path / "run")
    assert finding.name == faults.NUMBER_FORMAT
    assert "0.04 times the speed of float32" in finding.says and "the run took" in finding.says


def test_an_old_run_without_a_measured_speed_is_measured_here(copied, monkeypatch):
    options = json.loads((copied / "config.json").read_text())["options"]
    edited(
        copied / "config.json",
        options=options | {"dtype": "bfloat16"},
        recorded={"device": "cpu", "labels": {"rows": 1, "tokens": 2, "ends": 1}, "marks": {}},
    )
    monkeypatch.setattr(diagnosis, "bfloat16_speed", lambda: 0.5)
    assert "0.5 times the speed of float32 on this processor" in only(copied).says


def test_a_format_that_a_gpu_emulates_is_named(copied):
    config = json.loads((copied / "config.json").read_text())
    edited(
        copied / "config.json",
        options=config["options"] | {"dtype": "bfloat16"},
        recorded=config["recorded"] | {"device": "cuda", "bfloat16_emulated": True},
    )
    assert "its GPU only emulates" in only(copied).says


def test_marks_of_another_template_in_the_data_are_counted(chat, tmp_path):
    rows = [[user(f"<|im_start|>user {row[0]['content']}"), row[1]] for row in ROWS]
    run(chat, rows, tmp_path / "run", Options(**SHORT))
    finding = only(tmp_path / "run")
    assert finding.name == faults.TEMPLATE and "<|im_start|> in 24 of 24 rows" in finding.says


@pytest.fixture
def base(tmp_path):
    """A copy of the base model, whose template may be changed."""
    return shutil.copytree(FOLDER, tmp_path / "base")


def other_template(folder):
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text().replace("<|end|>", "<|end|> "))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_template_that_is_not_the_base_models_is_named(base, tmp_path, method):
    folder = tmp_path / "run"
    run(LocalChat(str(base)), ROWS, folder, Options(**SHORT, method=method))
    assert not diagnose(folder).findings
    other_template(base)
    finding = only(folder)
    assert finding.name == faults.TEMPLATE and "hash" in finding.says


def test_an_old_folder_says_what_it_does_not_record(copied, monkeypatch, capsys):
    options = json.loads((copied / "config.json").read_text())["options"]
    del options["dtype"]
    edited(copied / "config.json", recorded=None, options=options)
    (copied / "metrics.jsonl").unlink()
    assert not command(monkeypatch, copied)
    said = capsys.readouterr().out
    assert (
        said.count("\n") == 1 and "Not recorded, so not checked: the number of end tokens" in said
    )
    for word in ("the log", "chat template", "marks of other templates", "number format"):
        assert word in said


def save(model, folder, tokenizer):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def tuned(healthy):
    return LocalChat(str(healthy))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_merged_model_with_the_same_outputs_is_not_a_fault(copied, tuned, dtype):
    whole = whole_model(tuned.model).to(getattr(torch, dtype))
    save(whole, copied / "merged", tuned.tokenizer)
    assert not diagnose(copied).findings


def test_a_merge_that_lost_the_adapter_or_has_it_twice_is_named(copied, tuned, tmp_path):
    shutil.copytree(FOLDER, copied / "merged")
    finding = only(copied)
    assert finding.name == faults.MERGE and "its outputs are those of the base" in finding.says
    shutil.rmtree(copied / "merged")
    once = whole_model(tuned.model)
    twice = whole_model(with_adapter(once, copied / "adapter", BASE))
    save(twice, tmp_path / "elsewhere", tuned.tokenizer)
    assert not diagnose(copied).findings
    finding = only(copied, merged=tmp_path / "elsewhere")
    assert "elsewhere answers differently" in finding.says and "training itself" in finding.says


def test_an_export_with_another_template_is_named(copied, tuned):
    save(whole_model(tuned.model), copied / "merged", tuned.tokenizer)
    other_template(copied / "merged")
    assert "reads the same conversation as other tokens" in only(copied).says


def test_an_export_that_cannot_be_loaded_is_listed(copied):
    (copied / "merged").mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(FOLDER / name, copied / "merged" / name)
    found = diagnose(copied)
    assert not found.findings and "the outputs of merged" in " ".join(found.not_recorded)


def test_the_output_as_json_and_the_status_of_a_fault(copied, monkeypatch, capsys):
    shutil.copytree(FOLDER, copied / "merged")
    assert command(monkeypatch, copied, "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["findings"][0]["name"] == "merge" and said["not_recorded"] == []


# Folders of other trainers.


@pytest.fixture(scope="module")
def trainers_folder(tmp_path_factory):
    """What transformers' own trainer leaves, with the end token as padding, as many guides have
    it.
    """
    folder = tmp_path_factory.mktemp("others") / "output"
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    tokenizer.pad_token = tokenizer.eos_token
    texts = tokenizer.apply_chat_template(ROWS, tokenize=False)
    model = AutoModelForCausalLM.from_pretrained(FOLDER)
    arguments = TrainingArguments(
        str(folder),
        max_steps=10,
        per_device_train_batch_size=4,
        logging_steps=1,
        learning_rate=1e-3,
        use_cpu=True,
        report_to="none",
        save_steps=10,
        disable_tqdm=True,
    )
    made = Trainer(
        model,
        arguments,
        train_dataset=[tokenizer(text, add_special_tokens=False) for text in texts],
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        processing_class=tokenizer,
    )
    made.train()
    return folder


@pytest.fixture
def others(trainers_folder, tmp_path):
    return shutil.copytree(trainers_folder, tmp_path / "output")


def test_padding_with_the_end_token_is_named(others):
    finding = only(others)
    assert (
        finding.name == faults.PADDING and "pad token <|end|> is also the end token" in finding.says
    )


def test_padding_by_place_or_with_its_own_token_is_not_a_fault(others):
    (others / "README.md").write_text("### Framework versions\n\n- TRL: 0.24.0\n")
    assert not diagnose(others).findings
    (others / "README.md").write_text("- TRL: 0.12.1\n")
    assert only(others).name == faults.PADDING
    edited(others / "checkpoint-10" / "tokenizer_config.json", pad_token="<|pad|>")
    found = diagnose(others)
    assert not found.findings
    assert "the number of end tokens among the learned labels" in found.not_recorded


def test_the_arguments_of_a_trainer_are_read_without_running_them(others, monkeypatch):
    monkeypatch.setattr("pickle.Unpickler", None)
    found = diagnosis.read_run(others)
    assert found.options == {"learning_rate": 1e-3, "dtype": "float32", "use_cpu": True}
    assert len(found.log) == 10 and found.model == others / "checkpoint-10"


def fixed(others):
    """The folder without its fault, for another."""
    edited(others / "checkpoint-10" / "tokenizer_config.json", pad_token="<|pad|>")
    return others / "checkpoint-10"


def test_a_template_without_an_end_is_named(others):
    path = fixed(others) / "chat_template.jinja"
    path.write_text(path.read_text().replace("<|end|>", ""))
    finding = only(others)
    assert finding.name == faults.END_TOKEN and "renders 'nothing' after a reply" in finding.says


def test_a_template_that_is_not_jinja_is_named(others):
    (fixed(others) / "chat_template.jinja").write_text("{% for m in messages %}")
    assert "is not valid Jinja" in only(others).says


def test_a_generation_that_stops_at_another_token_is_named(others):
    edited(fixed(others) / "generation_config.json", eos_token_id=1)
    assert "ends a reply with <|end|>, but generation stops only at <|doc|>" in only(others).says


def test_rendered_data_of_another_template_are_named(others, tmp_path):
    fixed(others)
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"text": "<|im_start|>user\nHi<|im_end|>"}) + "\n")
    finding = only(others, data=data)
    assert finding.name == faults.TEMPLATE and "<|im_end|> in 1 of 1 rows" in finding.says
    data.write_text(json.dumps({"messages": ROWS[0]}) + "\n")
    assert not diagnose(others, data=data).findings


def peft_folder(folder, base, template=""):
    """An adapter's folder with the files that PEFT and transformers write."""
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(FOLDER / name, folder / name)
    if template:
        (folder / "chat_template.jinja").write_text(template)
    config = {"peft_type": "LORA", "base_model_name_or_path": str(base), "r": 8, "lora_alpha": 16}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    rows = [{"step": step, "loss": 2 - step / 20, "grad_norm": 1.0} for step in range(1, 17)]
    state = {"log_history": rows, "global_step": 16, "epoch": 1.0}
    (folder / "trainer_state.json").write_text(json.dumps(state))


def test_an_adapter_with_another_template_than_its_base_is_named(tmp_path):
    marked = (FOLDER / "chat_template.jinja").read_text()
    plain = marked.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    peft_folder(tmp_path / "same", FOLDER, plain)
    assert not diagnose(tmp_path / "same").findings
    peft_folder(tmp_path / "other", FOLDER, marked.replace("<|end|>", "<|end|>\n"))
    assert only(tmp_path / "other").name == faults.TEMPLATE
    peft_folder(tmp_path / "far", "nobody/not-here")
    found = diagnose(tmp_path / "far")
    assert not found.findings
    assert "the chat template of the base model nobody/not-here" in found.not_recorded


@pytest.mark.parametrize(
    "file, content, words",
    [
        (None, None, "does not contain a run"),
        ("trainer_state.json", "{", "not valid JSON"),
        ("trainer_state.json", "[]", "damaged"),
        ("trainer_state.json", '{"log_history": 5}', "its log is not a list"),
        ("adapter_config.json", "{}", "has no peft_type"),
        ("training_args.bin", "junk", "could not be read"),
        ("tokenizer_config.json", "{", "could not be loaded|not valid JSON"),
        ("tokenizer.json", "{", "could not be loaded"),
    ],
)
def test_a_damaged_or_foreign_folder_is_one_sentence(tmp_path, file, content, words):
    folder = tmp_path / "run"
    folder.mkdir()
    if file:
        folder.rmdir()
        peft_folder(folder, FOLDER)
        (folder / file).write_text(content)
    with pytest.raises(AdaptLabError, match=words) as refused:
        diagnose(folder)
    assert "\n" not in str(refused.value)


def test_a_damaged_run_of_this_course_is_one_sentence(copied):
    edited(copied / "config.json", recorded=[1])
    with pytest.raises(AdaptLabError, match="is not an object"):
        diagnose(copied)
    edited(copied / "config.json", recorded={})
    (copied / "metrics.jsonl").write_text('{"loss": 1.0}\n{"lo')
    with pytest.raises(AdaptLabError, match="metrics.jsonl is damaged"):
        diagnose(copied)
    (copied / "metrics.jsonl").write_text('{"loss": "high", "step": []}\n')
    assert not diagnose(copied).findings
    (copied / "adapter" / "adapter_model.safetensors").write_bytes(b"junk")
    with pytest.raises(AdaptLabError, match="is damaged"):
        diagnose(copied)
