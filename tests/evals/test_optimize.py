"""Prompt search: cases are read and split, held-out cases come last, and a kill loses no reply."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptlab.cli import main
from adaptlab.errors import AdaptLabError
from adaptlab.evals.labelled import Labelled, kind_of, make_judge, read_labelled
from adaptlab.evals.optimize import LEAST_PART, candidates, optimize, split
from adaptlab.models.chat import ScriptedChat
from adaptlab.prompts.template import few_shot_template, read_prompt, write_prompt

CASES = [Labelled(f"Review {i} is {'fine' if i % 2 else 'poor'}.", "AB"[i % 2]) for i in range(80)]
GOOD = "Sort the text into A or B."
BAD = "Say something."


def scripted(messages) -> str:
    """A model that follows only the good instruction, and only with examples."""
    content = messages[-1]["content"]
    text = content.rsplit("Text: ", 1)[1]
    label = "B" if "fine" in text else "A"
    return label if content.startswith(GOOD) and content.count("Label:") > 1 else "Yes."


def found_by(chat, cases=CASES, folder=None, **options):
    settings = {"shots": (0, 2), "budget": 120, "n_sets": 2} | options
    return optimize(chat, cases, [BAD, GOOD], folder, **settings)


def test_the_better_prompt_is_found_and_measured_on_held_out_cases():
    chat = ScriptedChat(scripted)
    made = found_by(chat)
    assert made.best.instruction == GOOD and made.best.n_examples == 2
    assert made.best.held_out.value == 1 and made.plain.held_out.value == 0
    assert made.plain.instruction == BAD and made.plain.n_examples == 0
    assert made.gain.value == 1 and made.best.gap == 0 and made.judged_as == "label"
    n_development, n_held_out = made.n_calls
    assert n_development <= 120 and n_held_out == 2 * made.best.held_out.n
    assert made.n_prompt_tokens > made.n_completion_tokens > 0
    (message,) = made.prompt.messages("Review x is fine.")
    assert scripted([message]) == "B"


def test_a_gap_is_said_to_be_luck_in_part():
    replies = iter(range(10_000))
    chat = ScriptedChat(lambda messages: "AB"[next(replies) * 7 % 5 % 2])
    made = found_by(chat)
    assert ("luck" in str(made)) == (made.best.gap > 0)
    assert "held out" in str(made) and "of 120 on development cases" in str(made)


@given(st.integers(0, 1000), st.integers(100, 300), st.integers(60, 120))
def test_held_out_cases_come_last_and_the_budget_is_kept(seed, budget, n_cases):
    cases = [Labelled(f"text {i}.", "AB"[i % 2]) for i in range(n_cases)]
    chat = ScriptedChat(lambda messages: "AB"[len(messages[0]["content"]) % 2])
    made = found_by(chat, cases, budget=budget, seed=seed)
    parts = split(n_cases, 2, seed)
    asked = [call[0]["content"].rsplit("Text: ", 1)[1].split("\n")[0] for call in chat.calls]
    held_out = {cases[i].text for i in parts.held_out}
    n_development = made.n_calls[0]
    assert n_development <= budget
    assert held_out.isdisjoint(asked[:n_development])
    assert set(asked[n_development:]) == held_out
    shown = "\n".join(call[0]["content"] for call in chat.calls[:n_development])
    assert not any(text in shown for text in held_out)


@given(st.integers(0, 50), st.integers(0, 8), st.integers(80, 300))
def test_the_parts_share_no_case(seed, most_shots, n_cases):
    parts = split(n_cases, most_shots, seed)
    whole = [*parts.pool, *parts.development, *parts.held_out]
    assert sorted(whole) == list(range(n_cases))
    assert min(len(parts.development), len(parts.held_out)) >= LEAST_PART
    assert len(parts.pool) >= most_shots and parts == split(n_cases, most_shots, seed)


def test_examples_have_each_label_in_turn_and_smaller_sets_begin_larger_ones():
    tried = candidates(CASES, range(20), [GOOD], [0, 4, 8], 2, "label", 0)
    assert [len(each.examples) for each in tried] == [0, 4, 4, 8, 8]
    for small, large in zip(tried[1:3], tried[3:]):
        assert large.examples[:4] == small.examples
        assert {CASES[i].gold for i in small.examples[:2]} == {"A", "B"}
    assert tried[1] != tried[2]


class Killed(Exception):
    """The end of a process in the middle of a search."""


@pytest.mark.parametrize("n_before", [1, 30, 120, 150])
def test_a_killed_search_resumes_without_asking_again(tmp_path, n_before):
    whole = ScriptedChat(scripted)
    expected = found_by(whole, folder=tmp_path / "whole")

    def dies(messages):
        if len(first.calls) == n_before:
            raise Killed
        return scripted(messages)

    first = ScriptedChat(dies)
    with pytest.raises(Killed):
        found_by(first, folder=tmp_path / "killed")
    assert not (tmp_path / "killed" / "prompt.json").exists()
    second = ScriptedChat(scripted)
    assert found_by(second, folder=tmp_path / "killed") == expected
    assert len(second.calls) == len(whole.calls) - n_before
    for name in ("prompt.json", "report.json"):
        texts = {(tmp_path / each / name).read_text() for each in ("whole", "killed")}
        assert len(texts) == 1
    third = ScriptedChat(lambda messages: pytest.fail("asked again"))
    assert found_by(third, folder=tmp_path / "killed") == expected


def test_every_reply_is_kept_with_its_part(tmp_path):
    made = found_by(ScriptedChat(scripted), folder=tmp_path)
    with sqlite3.connect(tmp_path / "trials.db") as connection:
        counts = dict(
            connection.execute("SELECT part, count(*) FROM replies GROUP BY part").fetchall()
        )
    assert (counts["development"], counts["held out"]) == made.n_calls


def test_another_search_in_the_folder_is_refused(tmp_path):
    found_by(ScriptedChat(scripted), folder=tmp_path)
    for change, word in (({"budget": 200}, "budget"), ({"seed": 1}, "seed")):
        with pytest.raises(AdaptLabError, match=f"a search with other {word}"):
            found_by(ScriptedChat(scripted), folder=tmp_path, **change)
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "trials.db").write_text("x" * 200)
    with pytest.raises(AdaptLabError, match="not a file of prompt searches"):
        found_by(ScriptedChat(scripted), folder=tmp_path / "junk")


ODD = 'A {text} with "quotes" and {{text}}'


def test_a_prompt_is_read_as_it_was_written(tmp_path):
    prompt = few_shot_template("Be brief.", [(ODD, "x {text}"), ("b", "y")])
    assert prompt.placeholder == "{{{text}}}"
    path = tmp_path / "prompt.json"
    write_prompt(path, prompt, model="m")
    assert read_prompt(path) == prompt
    (message,) = prompt.messages("{text} \\1 {}")
    assert message["content"].endswith("Text: {text} \\1 {}\nLabel:") and ODD in message["content"]
    path.write_text(json.dumps({"messages": [{"role": "user", "content": "Hi"}]}))
    with pytest.raises(AdaptLabError, match="is damaged"):
        read_prompt(path)
    path.write_text(json.dumps({"messages": list(prompt.template), "placeholder": "{no}"}))
    with pytest.raises(AdaptLabError, match="has 0 places"):
        read_prompt(path)


@pytest.mark.parametrize(
    "name, text, gold",
    [
        ("a.jsonl", '{"text": "Hi", "label": "A", "id": 5}', "A"),
        ("a.json", '[{"question": "Hi", "answer": 5}]', 5),
        ("a.json", '{"data": [{"input": "Hi", "output": {"a": 1}}]}', {"a": 1}),
        ("a.csv", "id;text;label\n1;Hi;A\n", "A"),
        ("a.tsv", "text\tlabel\nHi\tA\n", "A"),
        (
            "a.jsonl",
            '{"messages": [{"role": "user", "content": "Hi"},'
            ' {"role": "assistant", "content": "A"}]}',
            "A",
        ),
        (
            "a.jsonl",
            '{"messages": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "A"}]}',
            "A",
        ),
    ],
)
def test_cases_are_read_in_the_usual_formats(tmp_path, name, text, gold):
    (tmp_path / name).write_text(text)
    assert read_labelled(tmp_path / name) == [Labelled("Hi", gold)]


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("a.jsonl", "", "does not contain rows"),
        ("a.jsonl", '{"text": "a"}', "one gold answer"),
        ("a.jsonl", '{"label": "a"}', "needs one text"),
        ("a.jsonl", '{"text": "a", "input": "b", "label": "c"}', "has text and input"),
        ("a.jsonl", '{"text": "a", "label": "c"}\n{"text"', "line 2: not JSON"),
        ("a.jsonl", '{"text": "a", "label": true}', "neither a text nor a number"),
        ("a.jsonl", '{"text": "a", "label": ""}', "gold answer is empty"),
        ("a.jsonl", '{"text": "a", "label": NaN}', "finite"),
        ("a.jsonl", '{"text": 5, "label": "a"}', "its text is empty or not a text"),
        ("a.jsonl", "[5]", "not an object"),
        ("a.jsonl", '{"messages": [{"role": "user", "content": "Hi"}]}', "line 1"),
        ("a.csv", "text,label\nHi\n", "line 2: a row needs one gold answer"),
        ("a.csv", 'text,label\n"Hi,A\n', "is not a table|one gold answer"),
    ],
)
def test_a_row_that_is_not_a_case_is_named_with_its_place(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(AdaptLabError, match=words):
        read_labelled(tmp_path / name)


def labelled(*golds):
    return [Labelled(str(i), gold) for i, gold in enumerate(golds)]


@pytest.mark.parametrize(
    "golds, kind, correct, wrong",
    [
        (["A", "B"] * 3, "label", "The label is A.", "A or B"),
        ([5, 6], "number", "It is 5.", "It is 6."),
        (["5", "7.5"], "number", "2 + 3 = 5", "five or six: 6"),
        ([{"a": 1}, {"a": 2}], "json", '```json\n{"a": "1"}\n```', '{"a": 2}'),
        (['{"a": 1}', '{"a": 2}'], "json", '{"a": 1}', "a: 1"),
        (["Paris", "Rome", "Oslo"] * 1, "text", "paris.", "Paris or Rome"),
    ],
)
def test_the_gold_answers_say_how_a_reply_is_judged(golds, kind, correct, wrong):
    cases = labelled(*golds)
    assert kind_of(cases) == kind
    judge = make_judge(cases)
    assert judge(correct, cases[0]) and not judge(wrong, cases[0])


@pytest.mark.parametrize(
    "change, words",
    [
        ({"cases": CASES[:30]}, "30 cases are too few .* Give at least 50"),
        ({"cases": CASES + CASES[:1]}, "case 81 repeats 1"),
        ({"cases": [Labelled(f"{i}", "A") for i in range(80)]}, "the same gold answer, 'A'"),
        ({"instructions": []}, "list of instructions is empty"),
        ({"instructions": [GOOD, " "]}, "Instruction 2 is empty"),
        ({"instructions": ["Sort {text}."]}, "contains {text}"),
        ({"shots": []}, "numbers of examples is empty"),
        ({"shots": [-1]}, "number of examples is -1"),
        ({"budget": 10}, "budget of 10 evaluations is too small for 4 prompts"),
        ({"budget": True}, "budget is True"),
        ({"seed": -1}, "seed is -1"),
        ({"n_sets": 0}, "example sets is 0"),
        ({"judge": "vibes"}, "not a kind of judging"),
        ({"judge": "number"}, "not a number"),
    ],
)
def test_what_no_search_can_have_is_refused_before_any_call(tmp_path, change, words):
    chat = ScriptedChat(lambda messages: pytest.fail("asked"))
    settings = {"cases": CASES, "instructions": [GOOD], "shots": (0, 5), "budget": 120} | change
    with pytest.raises(AdaptLabError, match=words):
        optimize(chat, folder=tmp_path / "x", **settings)
    assert not (tmp_path / "x" / "trials.db").exists()


def command(monkeypatch, *given):
    monkeypatch.setattr(sys, "argv", ["adaptlab", "optimize", *map(str, given)])
    try:
        main()
    except SystemExit as end:
        return end.code
    return 0


def test_the_command_writes_a_prompt_that_can_be_used(tmp_path, monkeypatch, capsys):
    path = tmp_path / "cases.jsonl"
    rows = [{"text": case.text, "label": case.gold} for case in CASES[:60]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "more.txt").write_text(f"{BAD}\n\n{GOOD}\n")
    given = [path, tmp_path / "search", "--model", "embedded:mini-chat", "--instruction", GOOD]
    given += ["--instructions", tmp_path / "more.txt", "--shots", "0 2", "--sets", 1]
    given += ["--budget", 60, "--max-new-tokens", 4]
    assert not command(monkeypatch, *given)
    said = capsys.readouterr().out
    assert f"prompt:   {tmp_path / 'search' / 'prompt.json'}" in said and "n = " in said
    assert not command(monkeypatch, *given, "--json")
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "search" / "report.json").read_text())
    assert report["n_candidates"] == 4 and report["plain"]["instruction"] == GOOD
    prompt = read_prompt(tmp_path / "search" / "prompt.json")
    assert (
        prompt.as_dict() == report["prompt"] and "Hello." in prompt.messages("Hello.")[0]["content"]
    )


CHILD = """
import sys
from test_optimize import CASES, GOOD, BAD
from adaptlab.evals.optimize import optimize
from adaptlab.models.local import LocalChat

found = optimize(
    LocalChat("embedded:mini-chat"), CASES, [BAD, GOOD], sys.argv[1],
    shots=(0, 2), n_sets=1, budget=160, max_new_tokens=4,
)
"""


def test_a_search_that_is_killed_hard_resumes_to_the_same_report(tmp_path):
    given = [sys.executable, "-c", CHILD]
    here = Path(__file__).parent
    child = subprocess.Popen([*given, str(tmp_path / "killed")], cwd=here)
    while not n_kept(tmp_path / "killed") and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = n_kept(tmp_path / "killed")
    assert kept and not (tmp_path / "killed" / "report.json").exists()
    for name in ("killed", "whole"):
        subprocess.run([*given, str(tmp_path / name)], cwd=here, check=True)
    reports = {(tmp_path / name / "report.json").read_text() for name in ("killed", "whole")}
    assert len(reports) == 1 and kept < n_kept(tmp_path / "killed")


def n_kept(folder) -> int:
    """The replies that a search has kept, which may not have begun."""
    if not (folder / "trials.db").exists():
        return 0
    try:
        with sqlite3.connect(folder / "trials.db") as connection:
            return connection.execute("SELECT count(*) FROM replies").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
