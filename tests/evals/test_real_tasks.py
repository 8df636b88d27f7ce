"""Public data: fetched by hash, whole or not at all; the tasks made of them; and classifiers that
need no language model.
"""

import hashlib
import json

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.evals.real_tasks import data_files, tasks
from adaptlab.evals.real_tasks.data_files import data_path, data_sets, fetch_data
from adaptlab.evals.real_tasks.tasks import OUTSIDE, SLOTS, Example, RealTask, as_json
from adaptlab.studies import real_tasks as study
from adaptlab.studies.real_models import real_tasks as on_models

TRAIN = 'text,category\nWhere is my card?,card_arrival\n"Why, oh why?",Refund_not_showing_up\n'
TEST = "text,category\nMy card is late,card_arrival\n"
INTENTS = {
    "train": [["pay my bill", "pay_bill"]],
    "test": [["pay it", "pay_bill"]],
    "oos_train": [["how tall are cats", "oos"]],
    "oos_test": [["who won", "oos"]],
}
FOLD = [
    {"text": "a room for 2 from Monday", "slots": {"people": {"text": "2"}, "other": {}}},
    {"text": "thanks", "intents": ["thank"]},
    {"text": "two kids on Friday", "slots": {"kids": {"text": "two"}, "date": {"text": "Friday"}}},
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with small files of the three data sets, a manifest of them, and own assets."""
    files = {
        "banking77": {"train.csv": TRAIN, "test.csv": TEST},
        "clinc150": {"data_small.json": json.dumps(INTENTS)},
        "nlupp": {f"hotels_fold{i}.json": json.dumps(FOLD + [{"text": str(i)}]) for i in range(10)},
    }
    lines = []
    for name, contents in files.items():
        lines.append(f"[{name}]\nwhat = 'w'\nrepository = 'o/r'\ncommit = 'c'\nlicence = 'l'")
        lines.append(f"citation = 'c'\n[{name}.files]")
        for file, content in contents.items():
            path = tmp_path / "given" / f"deep-{name}" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            digest = hashlib.sha256(content.encode()).hexdigest()
            known = f"path = '{file}', size = {len(content)}, sha256 = '{digest}'"
            lines.append(f"'{file}' = {{ {known} }}")
    (tmp_path / "data.toml").write_text("\n".join(lines))
    monkeypatch.setattr(data_files, "MANIFEST", tmp_path / "data.toml")
    monkeypatch.setenv("ADAPTLAB_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "given"


def fetched(place, *names):
    return list(fetch_data(list(names), None, str(place)))


def test_the_manifest_pins_every_file_by_commit_size_and_hash():
    for each in data_sets().values():
        assert len(each.commit) == 40 and each.licence.startswith("CC-BY") and each.citation
        for file in each.files.values():
            assert file.size > 0 and len(file.sha256) == 64


def test_a_folder_is_searched_by_hash_and_fetched_once(place, tmp_path):
    assert [each.name for each, _ in fetched(place)] == ["banking77", "clinc150", "nlupp"]
    assert data_path("banking77", "test.csv").read_text() == TEST
    for path in place.rglob("*.csv"):
        path.unlink()
    assert len(fetched(place)) == 3  # nothing is asked for again


def test_a_missing_or_changed_file_is_named_and_nothing_half_is_left(place, tmp_path):
    changed = place / "deep-clinc150" / "data_small.json"
    changed.write_text(changed.read_text().replace("cats", "dogs"))
    with pytest.raises(AdaptLabError, match=r"data_small\.json"):
        fetched(place, "clinc150")
    assert not list((tmp_path / "assets" / "data" / "clinc150").iterdir())
    with pytest.raises(AdaptLabError, match="not on this machine"):
        data_path("clinc150", "data_small.json")


def test_a_damaged_file_is_told_before_it_is_read(place):
    folder = fetched(place, "banking77")[0][1]
    (folder / "train.csv").write_text("text,category\n")
    with pytest.raises(AdaptLabError, match="damaged"):
        tasks.banking77()
    fetched(place, "banking77")
    assert len(tasks.banking77().train) == 2


@pytest.mark.parametrize(
    ("names", "source", "says"),
    [(["nobody"], "hub", "nobody"), ([], "ftp://x", "source"), ([], "", "source")],
)
def test_what_is_no_data_or_no_source_is_refused(names, source, says, place):
    with pytest.raises(AdaptLabError, match=says):
        list(fetch_data(names, None, source))


def test_labels_are_words_and_what_is_outside_is_a_label(place):
    fetched(place)
    bank = tasks.banking77()
    assert bank.labels == ("card arrival", "refund not showing up")
    assert bank.train[1] == Example("Why, oh why?", "refund not showing up")
    intents = tasks.clinc150()
    assert intents.labels == (OUTSIDE, "pay bill")
    assert intents.test[-1] == Example("who won", OUTSIDE)


def test_slots_keep_the_words_of_the_text(place):
    fetched(place)
    hotel = tasks.hotel_slots()
    assert len(hotel.train) == 14 and len(hotel.test) == 6
    assert hotel.train[0].gold == {"people": "2"}
    assert json.loads(as_json(hotel.train[1].gold)) == {"date": "Friday", "kids": "two"}
    assert set(hotel.train[1].gold) <= set(SLOTS)


@pytest.fixture
def invented(monkeypatch):
    """A task that a classifier can learn, and slots that a word tells."""
    words = {"card": "card arrival", "rate": "exchange rate", "pin": "change pin"}
    train = [
        Example(f"my {word} number {i}", label) for word, label in words.items() for i in range(30)
    ]
    test = [Example(f"a {word} again", label) for word, label in words.items()]
    slots = [Example(f"a table for {i} people", {"people": str(i)}) for i in range(2, 40)]
    made = {
        "labels": lambda: RealTask("labels", train, test, tuple(sorted(words.values()))),
        "slots": lambda: RealTask("slots", slots, slots[:5]),
    }
    monkeypatch.setattr(study, "TASKS", made)
    for kept in (study.task, study.test_cases, study.vectors_of, on_models.instruction):
        kept.cache_clear()
    yield
    for kept in (study.task, study.test_cases, study.vectors_of, on_models.instruction):
        kept.cache_clear()


def test_classifiers_without_a_language_model_learn_labels_and_slots(invented):
    assert all(study.tfidf("labels", 30, 0))
    assert all(study.embeddings("labels", 30, 0))
    assert all(study.word_tagger("slots", 38, 0))


def test_a_sample_has_every_label_before_any_twice_and_depends_on_its_seed(invented):
    first = study.sample("labels", 3, 0)
    assert len({example.gold for example in first}) == 3
    assert first != study.sample("labels", 3, 1)
    assert first == study.sample("labels", 30, 0)[:3]


def test_a_model_is_asked_with_the_labels_and_judged_by_what_it_states(invented):
    (shown,) = study.sample("labels", 1, 0)
    turns = on_models.prompt(on_models.instruction("labels"), [shown], "a card again")
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert "exchange rate" in turns[0]["content"] and turns[1]["content"] == shown.gold
    case = Example("a card again", "card arrival")
    assert on_models.is_right("labels", case, "The intent is **card arrival**.")
    assert not on_models.is_right("labels", case, "card arrival or change pin")
    slots = Example("a table for 3 people", {"people": "3"})
    assert on_models.is_right("slots", slots, '```json\n{"people": 3}\n```')
    assert not on_models.is_right("slots", slots, '{"people": "3", "kids": "1"}')


def test_retrieved_examples_are_the_nearest(invented):
    shown = study.sample("labels", 90, 0)
    found = on_models.retrieved("labels", shown, "a rate again", 5)
    assert {example.gold for example in found} == {"exchange rate"}
