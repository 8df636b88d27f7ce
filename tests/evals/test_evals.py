"""Statistics against closed forms, verdict rules at their edges, and the ledger's refusals."""

import json

import nbformat
import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import GROUPS, VERDICTS, Rule, claim, claims, read_claims
from adaptlab.evals.ledger import RECORD_MIME, collect, record
from adaptlab.evals.statistics import (
    difference_of_proportions,
    mean,
    paired_difference,
    proportion,
    rank_correlation,
)


def test_wilson_interval_matches_its_formula():
    k = 7
    n = 20
    z = 1.959963984540054
    centre = (k + z * z / 2) / (n + z * z)
    half = z * np.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    found = proportion([True] * k + [False] * (n - k))
    assert (found.value, found.n) == (0.35, 20)
    assert found.interval == pytest.approx((centre - half, centre + half), abs=1e-9)
    assert proportion([True] * 5).high == pytest.approx(1.0)


def test_newcombe_matches_the_published_example():
    # Newcombe 1998, table II, example (a): 56/70 against 48/80 gives 0.0524 to 0.3339 by method 10
    found = difference_of_proportions([True] * 56 + [False] * 14, [True] * 48 + [False] * 32)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=5e-4)


def test_paired_intervals_are_narrower_than_unpaired_and_cover():
    rng = np.random.default_rng(0)
    old = rng.random(200) < 0.5
    new = old | (rng.random(200) < 0.2)
    paired = paired_difference(new, old)
    unpaired = difference_of_proportions(new, old)
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.high - paired.low < unpaired.high - unpaired.low
    assert mean([3.0, 3.0]).interval == (3.0, 3.0)


def test_rank_correlation_sign():
    x = list(range(12))
    assert rank_correlation(x, x).value == pytest.approx(1)
    assert rank_correlation(x, x[::-1]).value == pytest.approx(-1)
    assert rank_correlation(x, [1] * 12).interval == (-1, 1), "nothing to rank, nothing known"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.2, 0.4, "holds"),
        (0.19, 0.4, "holds with limits"),
        (0.01, 0.02, "holds with limits"),
        (0.0, 0.5, "not shown here"),
        (-0.2, 0.1, "not shown here"),
        (-0.3, 0.0, "refuted"),
        (-0.5, -0.1, "refuted"),
        (0.0, 0.0, "refuted"),
    ],
)
def test_verdicts_at_the_edges(low, high, verdict):
    assert Rule("effect", 0.2, 0.0).verdict(low, high) == verdict
    assert verdict in VERDICTS


def test_a_rule_whose_limit_lies_above_its_demand_is_refused():
    with pytest.raises(ValueError, match="limit"):
        Rule("effect", 0.1, 0.2)


def test_claims_say_who_makes_them_and_what_was_published():
    assert {key[0] for key in claims()} == set(GROUPS)
    assert all(entry.published and entry.guides and entry.text for entry in claims().values())


WHOLE = '[P1]\ntext = "a"\nguides = "A"\npublished = "none"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WHOLE, r"\[P1\] .*rule"),
        ("[P1]\nrule = {}", r"\[P1\] .*text, guides, published"),
        (f"{WHOLE}rule = {{at_least = 1.0}}", "at_least"),
        ("[P1]\n[P1]", "P1"),
        ("[p1]", r"\[p1\]: an id starts with a group's letter, one of P, R, .*GROUPS"),
        ('[""]', "an id starts with"),
        ("[P1]\n[P99]", r"\[P99\]: the next claim of group P is \[P2\]"),
        ("[P01]", r"\[P01\]: the next claim of group P is \[P1\]"),
        ("[P1]\n[R1]\n[P2]", r"\[P2\] is apart from .* Move it after \[P1\]"),
    ],
)
def test_a_claim_that_is_written_wrongly_is_a_sentence(text, said):
    with pytest.raises(AdaptLabError, match=said):
        read_claims(text)


@pytest.mark.parametrize(
    "change",
    [
        {"claim_id": "Z9"},
        {"value": 2.0},
        {"interval": (float("nan"), 1.0)},
        {"interval": 0.5},
        {"n": 0},
        {"seeds": []},
        {"rule": Rule("mine", 0.0, 0.0)},
    ],
)
def test_record_refuses_what_is_not_a_measurement(change):
    good = {
        "claim_id": "P1",
        "value": 0.5,
        "interval": (0.4, 0.6),
        "n": 10,
        "seeds": [0],
        "rule": claim("P1").rule,
    }
    assert record(**good).verdict == "holds"
    with pytest.raises(AdaptLabError):
        record(**(good | change))


def notebook_with(path, *records):
    cells = []
    for found in records:
        cell = nbformat.v4.new_code_cell("record(...)", id=f"cell-{found.id}")
        cell.outputs = [
            nbformat.v4.new_output(
                "execute_result",
                data={RECORD_MIME: found._repr_mimebundle_()[RECORD_MIME]},
                execution_count=1,
            )
        ]
        cells.append(cell)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_records_come_back_from_the_notebooks_output_in_the_ledgers_order(tmp_path):
    made = [record(key, 0.5, (0.4, 0.6), 10, [0, 1], claim(key).rule) for key in ("P10", "P2")]
    rows = collect([notebook_with(tmp_path / "01_a.ipynb", *made)])
    assert [row["id"] for row in rows] == ["P2", "P10"]
    assert set(rows[0]) == {
        "id",
        "value",
        "low",
        "high",
        "n",
        "seeds",
        "verdict",
        "published",
        "notebook",
        "cell",
    }
    assert (rows[0]["notebook"], rows[0]["cell"], rows[0]["seeds"]) == ("01_a", "cell-P2", [0, 1])
    json.dumps(rows)


def test_a_claim_recorded_twice_is_an_error(tmp_path):
    made = record("P1", 0.5, (0.4, 0.6), 10, [0], claim("P1").rule)
    paths = [notebook_with(tmp_path / f"0{i}_a.ipynb", made) for i in (1, 2)]
    with pytest.raises(AdaptLabError, match="P1 is recorded by 01_a and by 02_a"):
        collect(paths)


def test_differences_that_never_vary_still_have_an_interval():
    found = paired_difference([True] * 30, [False] * 30)
    assert found.value == 1 and 0.8 < found.low < 0.9
    same = paired_difference([True] * 30, [True] * 30)
    assert same.value == 0 and -0.2 < same.low < 0 < same.high < 0.2
