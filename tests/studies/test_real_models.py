"""Measuring claims on any model: kept replies, the choice of a prompt's form, kills, verdicts."""

import json
import random
import shutil
from dataclasses import replace

import pytest
import torch

from adaptlab.errors import AdaptLabError
from adaptlab.evals import replies as judge
from adaptlab.evals.claims import OUT_OF_REACH
from adaptlab.evals.statistics import paired_difference
from adaptlab.messages import assistant, user
from adaptlab.models.load_model import load_model
from adaptlab.models.local import LocalChat
from adaptlab.studies.real_models import forgetting, prompting, recorded, retrieval, run
from adaptlab.studies.real_models.between import transfer
from adaptlab.studies.real_models.experiment import Experiment, Measurement, Model
from adaptlab.studies.real_models.forms import (
    Form,
    Item,
    Task,
    ask,
    build,
    by_log_probability,
    choose_form,
    first_part,
    forms,
    likeliest_label,
    n_cut,
)
from adaptlab.studies.real_models.plan import Speed, Tokens, count
from adaptlab.studies.real_models.reply_store import ContextTooShort, ReplyStore

PARROT = Task(
    "parrot",
    "Repeat the text.",
    lambda rng, n: [
        Item(word, word, {}) for word in rng.choices(("tea", "cake", "rice", "soup"), k=n)
    ],
    lambda item, reply: judge.states_only(reply, item.answer),
    max_new_tokens=4,
    n_development=6,
)


@pytest.fixture(scope="module")
def chat():
    return LocalChat("embedded:mini-chat")


@pytest.fixture
def store(chat, tmp_path):
    return ReplyStore(chat, "weights", tmp_path / "replies.db")


def test_a_reply_is_asked_for_once(store, monkeypatch):
    prompts = [[user("What is 2 + 3?")], "Label:", [user("What is 2 + 3?")]]
    first = store.replies(prompts, max_new_tokens=5)
    assert first[0] == first[2]
    monkeypatch.setattr(store.chat, "complete", None)
    assert store.replies(prompts, max_new_tokens=5) == first


def test_other_weights_options_and_prompts_are_asked_again(store, chat, tmp_path):
    asked = []

    class Counting(LocalChat):
        def complete(self, prompts, **options):
            asked.append((len(prompts), options["max_new_tokens"], options["temperature"]))
            return super().complete(prompts, **options)

    counting = Counting(chat.name, chat.model, chat.tokenizer)
    for weights in ("a", "b"):
        kept = ReplyStore(counting, weights, tmp_path / "replies.db")
        for _ in range(2):
            kept.replies(["x"], max_new_tokens=2)
            kept.replies(["x"], max_new_tokens=3)
            kept.replies(["x"], max_new_tokens=3, temperature=1.0, seed=1)
    assert asked == [(1, 2, 0.0), (1, 3, 0.0), (1, 3, 1.0)] * 2


def test_sampled_replies_to_one_prompt_are_several(store):
    said = store.replies(["Dear"] * 8, max_new_tokens=6, temperature=1.5, seed=3)
    assert len({reply.text for reply in said}) > 1
    assert store.replies(["Dear"] * 8, max_new_tokens=6, temperature=1.5, seed=3) == said


def test_replies_before_a_kill_are_kept(store, monkeypatch):
    monkeypatch.setattr("adaptlab.studies.real_models.reply_store.AT_ONCE", 2)
    whole = store.chat.complete
    calls = []

    def killed(prompts, **options):
        calls.append(len(prompts))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(prompts, **options)

    monkeypatch.setattr(store.chat, "complete", killed)
    prompts = [f"text {i}" for i in range(7)]
    with pytest.raises(KeyboardInterrupt):
        store.replies(prompts, max_new_tokens=2)
    assert len(store.replies(prompts, max_new_tokens=2)) == 7
    assert calls == [2, 2, 2, 2, 1]


def test_a_model_is_made_when_it_is_first_asked(chat, tmp_path):
    made = []

    def make():
        made.append(1)
        return chat

    path = tmp_path / "replies.db"
    first = ReplyStore(chat, "tuned", path, make).replies(["x"], max_new_tokens=2)
    again = ReplyStore(chat, "tuned", path, make)
    assert again.replies(["x"], max_new_tokens=2) == first and made == [1]
    assert again.value(lambda chat: len(made), "count") == 2
    assert again.value(lambda chat: 99, "count") == 2


def test_every_form_states_the_instruction_and_shows_its_examples():
    shots = [("one", "1"), ("two", "2")]
    item = Item("three", "3")
    for form in forms((0, 2)):
        prompt = build(PARROT, form, item, shots)
        text = prompt if isinstance(prompt, str) else "\n".join(m["content"] for m in prompt)
        assert text.count(PARROT.instruction) == 1
        assert text.index(PARROT.instruction) < text.index("three")
        assert (text.count("one") == 1) == (form.k == 2)
        assert isinstance(prompt, str) == (form.place == "transcript")
        if form.as_turns:
            assert assistant("1") in prompt
        assert "Answer: 3" not in text


def test_there_are_at_least_eight_forms_of_a_task_with_examples():
    assert len({form.name for form in forms((0, 2, 4))}) >= 8


def test_the_likeliest_label_is_that_of_the_highest_mean(chat, monkeypatch):
    logs = {"yes": [-1.0], "certainly not": [-0.5, -0.7, -0.3]}
    monkeypatch.setattr(chat, "log_probabilities", lambda prompt, label: logs[label])
    assert likeliest_label(chat, [user("?")], ("yes", "certainly not")) == "certainly not"


def test_labels_are_scored_once_and_a_transcript_in_a_users_turn(store, chat):
    items = [Item("Sky", "blue", {"labels": ("blue", "green")}) for _ in range(2)]
    hits = by_log_probability(store, PARROT, Form("transcript", 0), items, 0)
    assert len(hits) == 2 and hits[0] == hits[1]
    expected = likeliest_label(
        chat, build(PARROT, Form("user", 0), items[0], ()), ("blue", "green")
    )
    assert hits[0] == float(expected == "blue")
    assert by_log_probability(store, PARROT, Form("user", 0), [], 0) == hits  # from the file


def test_an_example_of_its_own_goes_before_those_of_the_task():
    item = Item("three", "3", shots=(("a", "b"),))
    assert "Text: a\nAnswer: b" in build(PARROT, Form("transcript", 1), item, [("one", "1")])


def test_the_choice_never_sees_a_test_case(store):
    seen = []
    draw = PARROT.draw
    watched = Task(
        "parrot",
        PARROT.instruction,
        lambda rng, n: seen.append(rng.getstate()) or draw(rng, n),
        PARROT.judge,
        4,
        n_development=6,
    )
    choice = choose_form(store, watched)
    states = {
        random.Random(f"development:{watched.name}").getstate(),
        random.Random(f"examples:{watched.name}").getstate(),
    }
    assert set(seen) == states
    assert choice.form.name in choice.accuracies and choice.n == 6
    assert choice.accuracies[choice.form.name] == max(choice.accuracies.values())


def test_the_experiments_draw_their_test_cases_from_their_own_seeds():
    tasks = (prompting.BINS, prompting.DIRECT, prompting.STEPS)
    for task in tasks:
        shown = {i.text for i in task.draw(random.Random(f"development:{task.name}"), 40)}
        for claim in ("P1", "P2", "P3"):
            asked = {i.text for i in task.draw(random.Random(f"{claim}:0"), 70)}
            assert not shown & asked


def test_a_form_in_which_one_group_fails_is_not_the_best():
    items = [Item(str(i), "", {"absent": i % 2}) for i in range(8)]
    grouped = replace(PARROT, group=lambda item: item.fields["absent"])
    always_one_way = [bool(i % 2) for i in range(8)]
    a_little_of_both = [i in (0, 1) for i in range(8)]
    assert grouped.score(items, always_one_way) == 0
    assert grouped.score(items, a_little_of_both) == 0.25
    assert PARROT.score(items, always_one_way) == 0.5


def test_a_transcript_ends_before_the_next_example(store):
    hits, said = ask(store, PARROT, Form("transcript", 2), [Item("tea", "tea")])
    assert "\n\n" not in said[0].text and len(hits) == 1
    reply = said[0].__class__("tea\nText: cake\nAnswer: cake", 1, 9, 0.0)
    assert first_part(reply, "Text").text == "tea"
    assert n_cut([reply], 9) == 1 and n_cut([reply], 10) == 0


def test_a_prompt_beyond_the_context_is_refused_and_its_form_left_out(store, monkeypatch):
    room = store.chat.model.config.max_position_embeddings
    with pytest.raises(ContextTooShort, match=str(room)):
        store.replies(["word " * 2 * room], max_new_tokens=2)
    monkeypatch.setattr(store.chat.model.config, "max_position_embeddings", 40)
    choice = choose_form(store, PARROT)
    assert 0 < len(choice.accuracies) < len(forms(PARROT.ks))
    monkeypatch.setattr(store.chat.model.config, "max_position_embeddings", 3)
    with pytest.raises(ContextTooShort):
        choose_form(store, Task(**vars(PARROT) | {"name": "other"}))


def test_a_model_that_computes_nan_is_refused(tmp_path):
    model, tokenizer = load_model("embedded:mini-chat")
    with torch.no_grad():
        model.get_input_embeddings().weight.fill_(float("nan"))
    broken = ReplyStore(LocalChat("broken", model, tokenizer), "nan", tmp_path / "replies.db")
    with pytest.raises(AdaptLabError, match="not finite"):
        broken.replies(["x"], max_new_tokens=2)


def test_a_model_without_a_template_is_refused(tmp_path):
    model, tokenizer = load_model("embedded:mini-chat")
    tokenizer.chat_template = None
    bare = ReplyStore(LocalChat("bare", model, tokenizer), "bare", tmp_path / "replies.db")
    with pytest.raises(AdaptLabError, match="no chat template"):
        bare.replies([[user("x")]], max_new_tokens=2)


def coin(effect_of: float, base: float = 0.0, floor: float = 0.0):
    """An experiment whose conditions are known."""

    def measure(model: Model, seed: int) -> Measurement:
        n = 100
        new = [float(i < n * effect_of) for i in range(n)]
        old = [float(i < n * base) for i in range(n)]
        return Measurement({"new": new, "old": old}, {"seed": seed})

    return Experiment(
        measure, lambda found: paired_difference(found["new"], found["old"]), ("new", "old"), floor
    )


@pytest.mark.parametrize(
    ("experiment", "verdict"),
    [
        (coin(0.9, 0.2), "holds"),
        (coin(0.3, 0.2), "holds with limits"),
        (coin(0.2, 0.9), "refuted"),
        (coin(0.2, 0.2), "not shown here"),
        (coin(0.0), OUT_OF_REACH),
        (coin(0.01), OUT_OF_REACH),
        (coin(0.52, 0.5, floor=0.5), OUT_OF_REACH),
        (coin(0.9, 0.5, floor=0.5), "holds"),
    ],
)
def test_a_verdict_follows_from_the_rule_or_from_the_floor(
    experiment, verdict, monkeypatch, tmp_path
):
    monkeypatch.setattr(run, "EXPERIMENTS", {"P1": experiment})
    (path,) = run.measure(["P1"], "embedded:mini-chat", "float32", tmp_path)
    found = run.outcome(path)
    assert found.verdict == verdict
    assert found.n == 300 and found.seeds == (0, 1, 2)
    assert found.low <= found.value <= found.high


def test_a_killed_measurement_goes_on_at_its_seed(monkeypatch, tmp_path):
    done = []
    real = coin(0.9)

    def measure(model, seed):
        if seed == 1 and done == [0]:
            done.append("killed")
            raise KeyboardInterrupt
        done.append(seed)
        return real.measure(model, seed)

    monkeypatch.setattr(run, "EXPERIMENTS", {"P1": Experiment(measure, real.effect)})
    with pytest.raises(KeyboardInterrupt):
        run.measure(["P1"], "embedded:mini-chat", "float32", tmp_path)
    run.measure(["P1"], "embedded:mini-chat", "float32", tmp_path)
    assert done == [0, "killed", 1, 2]
    run.measure([], "embedded:mini-chat", "float32", tmp_path)
    assert done == [0, "killed", 1, 2]


def test_rows_of_an_earlier_version_of_the_experiment_are_measured_again(monkeypatch, tmp_path):
    """Two seeds by one version and the third by another would be no measurement."""
    monkeypatch.setattr(run, "EXPERIMENTS", {"P1": coin(0.9)})
    (path,) = run.measure(["P1"], "embedded:mini-chat", "float32", tmp_path)
    kept = json.loads(path.read_text())
    for row in kept["rows"][:2]:
        row |= {"code": "earlier", "conditions": {}}
    path.write_text(json.dumps(kept))
    run.measure(["P1"], "embedded:mini-chat", "float32", tmp_path)
    rows = json.loads(path.read_text())["rows"]
    assert [row["seed"] for row in rows] == [0, 1, 2] and all(row["conditions"] for row in rows)


def test_rows_of_other_weights_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "EXPERIMENTS", {"P1": coin(0.9)})
    (path,) = run.measure(["P1"], "embedded:mini-chat", "float32", tmp_path)
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"weights": "others"}))
    with pytest.raises(AdaptLabError, match="other weights"):
        run.measure(["P1"], "embedded:mini-chat", "float32", tmp_path)
    path.write_text("[1]")
    with pytest.raises(AdaptLabError, match="damaged"):
        run.measure(["P1"], "embedded:mini-chat", "float32", tmp_path)


def test_an_unknown_claim_is_refused_by_name(tmp_path):
    with pytest.raises(AdaptLabError, match="'P99'"):
        run.measure(["P99"], "embedded:mini-chat", "", tmp_path)


def test_one_experiment_of_each_kind_runs_on_a_small_model(monkeypatch, tmp_path):
    """The whole way, with few cases: prompts, replies, judge, effect."""
    for module in (prompting, retrieval):
        monkeypatch.setattr(module, "N", 6)
    few = replace(retrieval.ABSTAINING, n_development=4, ks=(0,))
    monkeypatch.setattr(retrieval, "ABSTAINING", few)
    names = ["P6", "P7", "P10", "R2", "R7"]
    for name in names:
        monkeypatch.setitem(
            run.EXPERIMENTS, name, Experiment(**vars(run.EXPERIMENTS[name]) | {"seeds": (0,)})
        )
    run.measure(names, "embedded:mini-chat", "float32", tmp_path)
    found = run.outcomes(tmp_path)
    assert [outcome.id for outcome in found] == names
    assert all(outcome.low <= outcome.value <= outcome.high for outcome in found)
    forms_kept = json.loads((tmp_path / "forms.json").read_text())
    assert "reading notes or abstaining" in forms_kept


def test_the_recorded_outcomes_follow_from_the_recorded_rows(tmp_path):
    """Nothing in outcomes.json is written by hand."""
    shutil.copytree(recorded.RECORDED, tmp_path / "records")
    kept = recorded.OUTCOMES.read_text()
    (tmp_path / "records" / recorded.OUTCOMES.name).unlink()
    assert run.write_outcomes(tmp_path / "records").read_text() == kept


def rows(model, **conditions):
    return {"model": model, "rows": [{"seed": 0, "conditions": conditions}]}


def test_a_claim_about_two_models_is_made_of_both(tmp_path):
    smaller, larger = tmp_path / "smollm2", tmp_path / "qwen-coder-0.5b"
    best = [1.0] * 90 + [0.0] * 10
    worst = [1.0] * 10 + [0.0] * 90
    small = {"tuned: exact": best, "best prompt: exact": worst}
    large = {"tuned: exact": best, "best prompt: exact": worst}
    for folder, name, found in ((smaller, "small", small), (larger, "large", large)):
        folder.mkdir()
        (folder / "F1.json").write_text(json.dumps(rows(name, **found)))
    made = json.loads(run.write_outcomes(tmp_path).read_text())
    by_id = {(row["id"], row["model"]): row for row in made}
    assert by_id["F6", "large"]["value"] == pytest.approx(0.8)
    assert by_id["F6", "large"]["verdict"] == "holds"
    assert {("F1", "small"), ("F1", "large")} <= by_id.keys() and ("F6", "small") not in by_id


def test_layouts_that_rank_alike_carry_over():
    same = {f"layout {i}": [1.0] * (50 + 4 * i) + [0.0] * (50 - 4 * i) for i in range(12)}
    turned = dict(zip(same, reversed(same.values())))
    assert transfer(same, same).value == pytest.approx(-0.3)
    assert transfer(same, turned).value == pytest.approx(1.7)
    found = transfer(same, turned)
    assert found.low <= found.value <= found.high


def test_what_was_measured_is_copied_into_the_records(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "EXPERIMENTS", {"P1": coin(0.9)})
    run.measure(["P1"], "embedded:mini-chat", "float32", tmp_path / "measured")
    studies = tmp_path / "studies"
    studies.mkdir()
    row = {"task": "banking77", "method": "zero-shot", "n": 0, "seed": 0, "right": 1, "of": 2}
    kept = {"model": "embedded:mini-chat", "rows": [row]}
    (studies / "real_tasks.json").write_text(json.dumps(kept))
    earlier = tmp_path / "records" / "mini" / "forms.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text(json.dumps({"another task": {"n": 40}}))
    (tmp_path / "measured" / "forms.json").write_text(json.dumps({"this task": {"n": 30}}))
    path = run.record(tmp_path / "measured", "mini", studies, tmp_path / "records")
    assert list(json.loads(earlier.read_text())) == ["another task", "this task"]
    of_tasks = recorded.recorded_real_tasks(tmp_path / "records")
    assert of_tasks == {"embedded:mini-chat": [row]}
    (row,) = json.loads(path.read_text())
    assert (row["id"], row["model"], row["n"]) == ("P1", "embedded:mini-chat", 300)
    assert (tmp_path / "records" / "mini" / "P1.json").exists()


def test_a_measurement_without_all_its_seeds_is_not_recorded(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "EXPERIMENTS", {"P1": coin(0.9), "P2": coin(0.5)})
    run.measure(["P1", "P2"], "embedded:mini-chat", "float32", tmp_path / "measured")
    path = tmp_path / "measured" / "P2.json"
    kept = json.loads(path.read_text())
    last = kept["rows"].pop()["seed"]
    path.write_text(json.dumps(kept))
    assert run.missing_seeds(path) == [last]
    made = run.record(tmp_path / "measured", "mini", tmp_path, tmp_path / "records")
    assert [row["id"] for row in json.loads(made.read_text())] == ["P1"]
    assert not (tmp_path / "records" / "mini" / "P2.json").exists()


def test_a_plan_counts_tokens_and_asks_the_model_nothing(chat, monkeypatch):
    monkeypatch.setattr(prompting, "N", 5)
    tokens = count(replace(prompting.PROMPTING["P6"], seeds=(0,)), chat)
    assert tokens.reply == 5 * 5 * 40 and tokens.prompt > 5 * 5 * 8 and tokens.training == 0
    monkeypatch.setattr(forgetting, "N_TAUGHT", 10)
    trained = count(replace(forgetting.FORGETTING["G3"], seeds=(0,)), chat)
    assert 2 * 10 * 20 < trained.training < 2 * 10 * 60
    assert Speed(10, 5, 2).hours(Tokens(36_000, 18_000, 7200)) == 3.0
