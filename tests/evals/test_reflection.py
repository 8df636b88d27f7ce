"""Instructions by GEPA: only the pool is shown, what was written is kept, errors are sentences."""

import json
from importlib.util import find_spec

import pytest

from adaptlab.cli import main
from adaptlab.errors import AdaptLabError
from adaptlab.evals.labelled import Labelled
from adaptlab.evals.optimize import optimize, split
from adaptlab.evals.reflection import WRITTEN, write_instructions
from adaptlab.models.chat import ScriptedChat

pytestmark = pytest.mark.skipif(find_spec("gepa") is None, reason="GEPA is not installed")

CASES = [Labelled(f"Review {i} is {'fine' if i % 2 else 'poor'}.", "AB"[i % 2]) for i in range(80)]
PLAIN = "Say something."
BETTER = "Sort the text into A or B."


def follows(messages) -> str:
    """A model that follows only the better instruction."""
    content = messages[-1]["content"]
    label = "B" if "fine" in content.rsplit("Text: ", 1)[1] else "A"
    return label if content.startswith(BETTER) else "Yes."


def written_by(writer, folder, chat=None, **options):
    chat = chat or ScriptedChat(follows)
    settings = {"writer": writer, "calls": 60, "most_shots": 2} | options
    return write_instructions(chat, CASES, PLAIN, folder, **settings)


def test_a_written_instruction_is_found_and_wins_on_held_out_cases(tmp_path):
    chat, writer = ScriptedChat(follows), ScriptedChat(lambda messages: f"```\n{BETTER}\n```")
    assert written_by(writer, tmp_path, chat) == [BETTER]
    shown = writer.calls[0][0]["content"]
    assert PLAIN in shown and "Wrong. The correct answer is:" in shown
    pool = {CASES[i].text for i in split(len(CASES), 2, 0).pool}
    asked = {call[0]["content"].rsplit("Text: ", 1)[1].split("\n")[0] for call in chat.calls}
    assert asked <= pool, "only the pool of examples is used for writing"
    made = optimize(chat, CASES, [PLAIN, BETTER], tmp_path, shots=(0, 2), budget=120)
    assert made.best.instruction == BETTER and made.gain.value == 1


def test_what_was_written_is_kept_and_belongs_to_its_settings(tmp_path):
    written_by(ScriptedChat(lambda messages: f"```\n{BETTER}\n```"), tmp_path)

    def never(messages):
        raise AssertionError("nothing is asked again")

    assert written_by(ScriptedChat(never), tmp_path, ScriptedChat(never)) == [BETTER]
    with pytest.raises(AdaptLabError, match="other settings"):
        written_by(ScriptedChat(never), tmp_path, calls=61)


def test_a_placeholder_is_left_out_by_name_and_an_idle_writer_writes_nothing(tmp_path):
    with pytest.warns(UserWarning, match="is left out"):
        writer = ScriptedChat(lambda messages: f"```\n{BETTER} {{text}}\n```")
        assert written_by(writer, tmp_path / "a") == []
    assert written_by(ScriptedChat(lambda messages: PLAIN), tmp_path / "b") == []


def test_without_a_pool_there_is_a_sentence(tmp_path):
    with pytest.raises(AdaptLabError, match="no pool of examples"):
        written_by(ScriptedChat(follows), tmp_path, most_shots=0)


def test_the_command_writes_searches_and_measures(tmp_path, capsys, monkeypatch):
    path = tmp_path / "cases.jsonl"
    rows = [json.dumps({"text": case.text, "label": case.gold}) for case in CASES]
    path.write_text("\n".join(rows) + "\n")
    options = ["--instruction", PLAIN, "--model", "embedded:mini-chat", "--shots", "0 2"]
    folder = tmp_path / "run"
    given = ["optimize", str(path), str(folder), *options, "--write", "40", "--budget", "60"]
    monkeypatch.setattr("sys.argv", ["adaptlab", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert (folder / WRITTEN).exists() and "held out" in capsys.readouterr().out
