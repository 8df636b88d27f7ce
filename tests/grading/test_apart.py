"""What strangers send is read apart: with a clock, a limit on memory, and other inputs for each
content."""

import json
import os
import time
from dataclasses import replace

import pytest
from grading.conftest import LIMITS, cells, code_cell

from adaptlab.grading.codec import encode
from adaptlab.grading.exercises import exercises
from adaptlab.grading.grade import judge_of, of_content
from adaptlab.grading.judging import judged, read_texts
from adaptlab.grading.sandbox.limited_fork import TooMuch, apart
from adaptlab.grading.sandbox.limits import MIB
from adaptlab.grading.storable import storable
from adaptlab.grading.submissions.submission import Submission


def test_work_gives_what_it_gives():
    assert apart(lambda: {"a": [1, "x" * 300_000]}) == {"a": [1, "x" * 300_000]}


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda: time.sleep(60), "too long"),
        (lambda: bytearray(600 * MIB) and 1, "more than 128 MiB"),
        (lambda: [[] for _ in range(10**8)] and 1, "more than 128 MiB"),
        (lambda: os._exit(3), "process .* ended"),
        (lambda: os.kill(os.getpid(), 9), "process .* ended"),
    ],
)
def test_work_that_takes_too_much_is_ended(work, said):
    began = time.monotonic()
    with pytest.raises(TooMuch, match=said):
        apart(work, seconds=2 if said == "too long" else 20)
    assert time.monotonic() - began < 30


def answer(value) -> bytes:
    return json.dumps({"value": value}).encode()


# Whole numbers whose hashes are all the same: a mapping of them takes the square of their number.
COLLIDING = {"map": [[i * (2**61 - 1), 0] for i in range(60_000)]}
HOSTILE = {
    "colliding keys": (answer(COLLIDING), "resource limit"),
    "a great many lists": (b'{"value": [' + b"[]," * 4_000_000 + b"[]]}", "resource limit"),
    "no JSON": (b"{", "invalid"),
    "no value": (b"{}", "invalid"),
    "nested": (b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid"),
    "a long number": (b'{"value": ' + b"9" * 100_000 + b"}", "invalid"),
    "half a character": (b'{"value": "\\ud800"}', "wrong"),
    "a number of another kind": (b'{"value": NaN}', "wrong"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_came_out_of_a_box_harms_nobody(name, monkeypatch):
    monkeypatch.setattr("adaptlab.grading.judging.SECONDS", 3)
    sent, status = HOSTILE[name]
    judge = exercises("lab04")["same_strength"].judge(1)
    verdict = judged(judge, [sent] * len(judge.inputs)).verdict
    assert verdict.status == status
    json.dumps(verdict.sentence).encode()
    verdict.sentence.encode()


def test_texts_of_a_notebook_are_read_as_texts(monkeypatch):
    monkeypatch.setattr("adaptlab.grading.judging.SECONDS", 3)
    values = {"map": [["prediction", "4" * 500], ["measured", {"other": "Tensor"}]]}
    read = read_texts(answer(values), ["prediction", "measured", "gone"])
    assert read["prediction"] == "4" * 200 and "Tensor" in read["measured"] and read["gone"] == ""
    assert read_texts(answer(COLLIDING), ["prediction"]) == {"prediction": ""}


def test_each_content_has_inputs_of_its_own_and_keeps_them():
    one, two = (Submission("ann", text, "", "").digest for text in (b"one", b"two"))
    secrets = (of_content(7, one), of_content(7, one), of_content(7, two), of_content(8, one))
    first, again, other, later = (drawn(secret) for secret in secrets)
    assert first == again
    assert len({first, other, later}) == 3


def drawn(secret: int) -> str:
    return json.dumps(encode(judge_of("lab04", "adapter_output", secret).inputs))


def test_a_notebook_that_ends_boxes_has_an_end(grader):
    """Each cell ends its box, so that each is tried in a box of its own."""
    ends = [code_cell("import os\nos._exit(1)", f"end {number}") for number in range(400)]
    began = time.monotonic()
    graded = grader(ends + cells(), replace(LIMITS, whole_seconds=4))
    assert time.monotonic() - began < 60
    assert {mark.status for mark in graded.marks} == {"timeout"}
    assert "time limit" in graded.marks[0].sentence


def test_names_that_utf8_cannot_hold():
    assert storable("jos\udce9_lab04") == "josé_lab04"
    assert storable("a\ud800b") == "a?b" and storable("Zoë 東京") == "Zoë 東京"
    one = Submission("jos\udce9", b"", "class/jos\udce9.ipynb", "")
    assert (one.student, one.source) == ("josé", "class/josé.ipynb")


def test_answers_with_gradients_are_judged_after_this_process_has_used_torchs_threads():
    import torch

    weights = torch.ones(400, 400, requires_grad=True)
    (weights @ weights).sum().backward()  # its threads are not in a fork
    exercise = exercises("lab05")["train"]
    judge = exercise.judge(3)
    outputs = exercise.outputs(exercise.right, judge.inputs)
    assert (
        judged(
            judge, [json.dumps({"value": encode(one)}).encode() for one in outputs]
        ).verdict.status
        == "pass"
    )


def test_a_right_answer_does_not_wait_for_what_wrong_ones_return():
    exercise = exercises("lab03")["compare"]
    judge = exercise.judge(3)
    assert judge.verdict(exercise.outputs(exercise.right, judge.inputs)).status == "pass"
    assert "imitations" not in vars(judge)
