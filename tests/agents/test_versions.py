"""A prompt goes out only as it was measured, and only if its newest run lost nothing."""

import pytest

from adaptlab.agents.versions import read_prompts, require_passed
from adaptlab.errors import AdaptLabError
from adaptlab.evals.gate import compare
from adaptlab.evals.statistics import proportion
from adaptlab.evals.store import keep_run


@pytest.fixture
def prompts(tmp_path):
    (tmp_path / "a.toml").write_text('text = "Answer."\nwhy = "first"\n')
    (tmp_path / "b.toml").write_text('text = """\nAnswer.\n"""\nwhy = "the same in other quotes"\n')
    (tmp_path / "c.toml").write_text('text = "Answer!"\nwhy = "louder"\n')
    return read_prompts(tmp_path)


def keep(path, prompt, after, before=()):
    rows = compare({"s": list(before)}, {"s": list(after)}) if before else []
    keep_run(
        path,
        prompt.name,
        "w",
        {"prompt_hash": prompt.hash},
        {"s": proportion(after)},
        "base" if before else "",
        rows,
    )


def test_the_hash_is_of_the_text_alone(prompts):
    a, b, c = prompts
    assert a.hash == b.hash != c.hash and [prompt.name for prompt in prompts] == ["a", "b", "c"]


def test_what_was_not_measured_or_lost_stays(prompts, tmp_path):
    store, (a, b, c) = tmp_path / "runs.db", prompts
    keep(store, a, [1.0] * 40)
    require_passed(a, store)
    require_passed(b, store)
    with pytest.raises(AdaptLabError, match="never measured"):
        require_passed(c, store)
    keep(store, c, [0.0] * 40, [1.0] * 40)
    with pytest.raises(AdaptLabError, match="lost s"):
        require_passed(c, store)
    keep(store, c, [1.0] * 40, [1.0] * 40)
    require_passed(c, store)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("text =", "not TOML"),
        ('text = "a"', "keys"),
        ('text = ""\nwhy = "b"', "keys"),
        ('text = "a"\nwhy = "b"\nmore = 1', "keys"),
        ("text = 1\nwhy = 2", "keys"),
    ],
)
def test_a_file_that_is_no_prompt_is_one_sentence(tmp_path, content, says):
    (tmp_path / "x.toml").write_text(content)
    with pytest.raises(AdaptLabError, match=says):
        read_prompts(tmp_path)


def test_an_empty_folder_is_one_sentence(tmp_path):
    with pytest.raises(AdaptLabError, match="NAME.toml"):
        read_prompts(tmp_path)
