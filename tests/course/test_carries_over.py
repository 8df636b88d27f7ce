"""Claims in the world and on real models, next to each other."""

import json

import pytest

from adaptlab.course import all_results
from adaptlab.course.predictions import on_real_models
from adaptlab.course.site import carries_over, real_models
from adaptlab.course.site.carries_over import (
    NO_MODEL,
    OTHER_WAY,
    RELATIONS,
    SAME,
    STRONGER,
    UNDECIDED,
    UNMEASURED,
    WEAKER,
    carries_over_plot,
    carries_over_table,
    counts,
    relation,
)
from adaptlab.course.site.ledger import ledger_table
from adaptlab.evals.claims import OUT_OF_REACH, VERDICTS, claims
from adaptlab.studies.real_models.recorded import Outcome

MODEL = "gguf:smollm2"


def outcome(claim_id: str, verdict: str) -> Outcome:
    return Outcome(claim_id, MODEL, 0.31, 0.2, 0.4, 210, (0, 1, 2), verdict)


def record(claim_id: str, verdict: str) -> dict:
    about = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 80, "seeds": [0], "published": "none"}
    where = {"notebook": "01_prompt_patterns", "cell": "c"}
    return about | where | {"id": claim_id, "verdict": verdict}


RECORDS = [record("P1", "holds"), record("R1", "holds"), record("R7", "refuted")]


@pytest.fixture
def measured(monkeypatch):
    """P1 out of reach, R1 weaker than in the world, R7 the other way round."""
    found = [
        outcome("P1", OUT_OF_REACH),
        outcome("R1", "holds with limits"),
        outcome("R7", "holds"),
    ]
    monkeypatch.setattr(real_models, "recorded_outcomes", lambda: found)
    return found


@pytest.mark.parametrize(
    ("world", "real", "expected"),
    [
        ("holds", "holds", SAME),
        ("refuted", "refuted", SAME),
        ("holds", "holds with limits", WEAKER),
        ("holds with limits", "holds", STRONGER),
        ("holds", "refuted", OTHER_WAY),
        ("refuted", "holds with limits", OTHER_WAY),
        ("holds", "not shown here", UNDECIDED),
        ("not shown here", "holds", UNDECIDED),
        ("not shown here", "not shown here", SAME),
        ("holds", OUT_OF_REACH, OUT_OF_REACH),
    ],
)
def test_two_verdicts_have_one_relation(world, real, expected):
    assert relation(world, real) == expected


def test_every_pair_of_verdicts_has_a_relation():
    pairs = [(world, real) for world in VERDICTS[:4] for real in VERDICTS]
    assert {relation(*pair) for pair in pairs} <= set(RELATIONS)


def test_a_row_for_each_measured_claim(measured):
    table = carries_over_table(RECORDS)
    assert table.count("<tr") == 1 + 3
    assert "smollm2" in table and "0.310 [0.200, 0.400]" in table and "n = 210" in table
    for word in (WEAKER, OTHER_WAY):
        assert word in table


def test_claims_are_counted_by_lever_and_each_once(measured):
    found = counts(RECORDS, MODEL)
    assert found["prompting"][OUT_OF_REACH] == 1
    assert found["retrieval"][WEAKER] == found["retrieval"][OTHER_WAY] == 1
    assert sum(sum(kinds.values()) for kinds in found.values()) == len(claims())
    without = [key for key, claim in claims().items() if key[0] == "L" and not claim.language_model]
    assert found["LoRA"][NO_MODEL] == len(without) > 0
    of_lora = sum(key[0] == "L" for key in claims())
    assert found["LoRA"][UNMEASURED] == of_lora - len(without)
    alt = carries_over_plot(RECORDS, MODEL).alt
    assert "retrieval 2 (" in alt and "LoRA" not in alt
    assert "LoRA 0 (" in carries_over_plot([], MODEL).alt  # no lesson has run yet


def test_the_ledger_has_a_column_for_each_model(measured, tmp_path, monkeypatch):
    monkeypatch.setattr(real_models, "RECORDED", tmp_path)
    measured.pop()  # R7 is not measured
    place = tmp_path / "smollm2" / "plan.json"
    place.parent.mkdir()
    place.write_text(json.dumps({"claims": {"R7": {"hours": 2.25}}}))
    table = ledger_table(RECORDS)
    assert "0.310 [0.200, 0.400]" in table and "2.2 hours on a processor" in table


def test_the_closing_cell_says_what_real_models_did(monkeypatch):
    found = [outcome("R1", "holds with limits")]
    monkeypatch.setattr("adaptlab.course.predictions.recorded_outcomes", lambda: found)
    assert on_real_models(["R1", "P1"]) == [
        "R1 on smollm2: holds with limits, 0.310 [0.200, 0.400], n = 210"
    ]
    assert on_real_models(["P1"]) == []


def test_all_results_are_of_the_run_and_of_every_model(monkeypatch, tmp_path):
    found = [outcome("R1", "holds with limits")]
    monkeypatch.setattr(all_results, "recorded_outcomes", lambda: found)
    build = tmp_path / "cpu"
    build.mkdir()
    (build / "ledger.json").write_text(json.dumps(RECORDS))
    rows = json.loads(all_results.to_json(build))
    assert [(row["id"], row["model"]) for row in rows] == [
        ("P1", "embedded:chat"),
        ("R1", "embedded:chat"),
        ("R7", "embedded:chat"),
        ("R1", MODEL),
    ]
    assert set(rows[0]) == {"id", "model", "value", "low", "high", "n", "seeds", "verdict"}


def test_a_result_without_a_language_model_is_that_of_every_model(monkeypatch, tmp_path):
    monkeypatch.setattr(all_results, "recorded_outcomes", lambda: [outcome("R7", "refuted")])
    build = tmp_path / "cpu"
    build.mkdir()
    of_search = RECORDS[0] | {"id": "R4"}
    (build / "ledger.json").write_text(json.dumps([*RECORDS, of_search]))
    rows = [row for row in all_results.all_results(build) if row["model"] == MODEL]
    assert [row["id"] for row in rows] == ["R4", "R7"]
    assert rows[0]["value"] == of_search["value"]
    assert "no language model" in real_models.outcome_cell("R4", None).html


def test_the_packaged_outcomes_are_of_known_claims_and_verdicts():
    for found in carries_over.by_model().values():
        for key, one in found.items():
            assert key in claims() and one.verdict in VERDICTS and one.n > 0
            assert one.low <= one.value <= one.high
