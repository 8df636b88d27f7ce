"""Answers to lab 08: written differently from the solution and right, or wrong in a way that a
symptom knows.
"""

import math
import re
from fractions import Fraction

import numpy as np


def bill__right_step_by_step(arm, n_queries, n_updates, months, prices):
    query = (arm["prompt_tokens"] - arm["cached_tokens"]) * prices["prompt"]
    query += arm["cached_tokens"] * prices["cached"]
    query += arm["reply_tokens"] * prices["reply"]
    if arm["tuned"]:
        query *= prices["tuned"]
    total = query * n_queries * 30
    total += arm["training_tokens"] * prices["training"] / months
    for _ in range(n_updates):
        total += arm["update_tokens"] * prices["training"]
    return total / 1_000_000


def bill__right_dot_product(arm, n_queries, n_updates, months, prices):
    a_day = 30 * n_queries * (prices["tuned"] if arm["tuned"] else 1)
    amounts = [
        a_day * (arm["prompt_tokens"] - arm["cached_tokens"]),
        a_day * arm["cached_tokens"],
        a_day * arm["reply_tokens"],
        arm["training_tokens"] / months,
        n_updates * arm["update_tokens"],
    ]
    return float(
        np.dot(
            amounts,
            [prices[name] for name in ("prompt", "cached", "reply", "training", "training")],
        )
        * 1e-6
    )


def break_even__right_fractions(a, b):
    rise = 30 * (Fraction(a["per_query"]) - Fraction(b["per_query"]))
    gap = Fraction(b["fixed"]) - Fraction(a["fixed"])
    return float(gap / rise) if rise * gap > 0 else None


def break_even__right_by_cases(a, b):
    low, high = sorted((a, b), key=lambda bill: (bill["fixed"], bill["per_query"]))
    if low["fixed"] == high["fixed"] or low["per_query"] <= high["per_query"]:
        return None
    return (high["fixed"] - low["fixed"]) / ((low["per_query"] - high["per_query"]) * 30)


def score_reply__right_by_lines(reply, value, gold):
    lines = reply.split("\n")
    has_sources = lines[-1].startswith("Sources: ")
    letter = " ".join(lines[:-1] if has_sources else lines)
    listed = lines[-1].removeprefix("Sources: ") if has_sources else None
    numbers = set() if listed is None else {int(n) for n in re.split(r"[^0-9]+", listed) if n}
    absent = "not in our handbook" in letter
    if value is None:
        right = absent
        cited = listed == "none"
    else:
        words = "".join(c if c.isalnum() else " " for c in letter).split()
        right = value in words and not absent
        cited = len(numbers) > 0 and all(n in gold for n in numbers)
    listing = listed == "none" or (
        listed is not None and all(n.isascii() and n.isdigit() for n in listed.split(", "))
    )
    tone = (
        lines[0][:6] == "Hello "
        and lines[0][-1:] == ","
        and len(lines[0][6:-1]) > 0
        and reply.count("!") == 0
    )
    return {"form": len(lines) == 3 and listing, "right": right, "cited": cited, "tone": tone}


def score_reply__right_regex(reply, value, gold):
    *above, last = reply.split("\n")
    if not last.startswith("Sources: "):
        above = [*above, last]
        last = ""
    letter = "\n".join(above)
    found = [int(n) for n in re.findall("[0-9]+", last)]
    absent = re.search("not in our handbook", letter) is not None
    held = value is not None and any(piece == value for piece in re.findall(r"[^\W_]+", letter))
    return {
        "tone": re.match(r"Hello .+,(\n|\Z)", reply) is not None and "!" not in reply,
        "form": (
            re.fullmatch(r"[^\n]*\n[^\n]*\nSources: (none|[0-9]+(, [0-9]+)*)", reply) is not None
        ),
        "cited": (
            last == "Sources: none" if value is None else found != [] and not set(found) - set(gold)
        ),
        "right": absent if value is None else held and not absent,
    }


def keeps_promise__right_count(seconds, percent, limit):
    found = min(x for x in seconds if 100 * sum(y <= x for y in seconds) >= percent * len(seconds))
    return found, found <= limit


def keeps_promise__right_numpy(seconds, percent, limit):
    found = float(np.percentile(np.asarray(seconds), percent, method="inverted_cdf"))
    return [found, bool(found <= limit)]


def choose_cascade__right_first_enough(rows, least):
    for threshold in [*sorted({row["confidence"] for row in rows}), math.inf]:
        unsure = [row["confidence"] < threshold for row in rows]
        share = sum(
            row["costly_right" if costly else "cheap_right"] for row, costly in zip(rows, unsure)
        ) / len(rows)
        if share >= least:
            return (
                threshold,
                share,
                sum(
                    row["cheap_tokens"] + costly * row["costly_tokens"]
                    for row, costly in zip(rows, unsure)
                )
                / len(rows),
            )
    return None


def choose_cascade__right_numpy(rows, least):
    confidence, cheap, costly, low, high = (
        np.array([row[name] for row in rows], float)
        for name in ("confidence", "cheap_right", "costly_right", "cheap_tokens", "costly_tokens")
    )
    thresholds = np.append(np.unique(confidence), np.inf)
    asked = confidence[None] < thresholds[:, None]
    shares = np.where(asked, costly, cheap).mean(1)
    tokens = (low + asked * high).mean(1)
    enough = np.flatnonzero(shares >= least)
    if not enough.size:
        return None
    i = enough[np.argmin(tokens[enough])]
    return float(thresholds[i]), float(shares[i]), float(tokens[i])


def configure__right_sorted(arms, budget):
    excluded = {}
    for arm in arms:
        found = [name for name in ("tokens", "p95", "update_minutes") if arm[name] > budget[name]]
        if found:
            excluded[arm["name"]] = found
    within = sorted(
        (arm for arm in arms if arm["name"] not in excluded),
        key=lambda arm: (-arm["low"], arm["tokens"]),
    )
    return [within[0]["name"] if within else None, excluded]


def configure__right_loop(arms, budget):
    best = None
    excluded = {}
    for arm in arms:
        over = [
            name
            for name, limit in zip(
                ["tokens", "p95", "update_minutes"],
                map(budget.get, ["tokens", "p95", "update_minutes"]),
            )
            if not arm[name] <= limit
        ]
        if over:
            excluded[arm["name"]] = over
        elif (
            best is None
            or arm["low"] > best["low"]
            or (arm["low"] == best["low"] and arm["tokens"] < best["tokens"])
        ):
            best = arm
    return best and best["name"], excluded


def build_order__right_list():
    return ["E", "B", "H", "D", "G", "A", "F", "C"]


def build_order__right_joined():
    return "".join(["EBH", "DGA", "FC"])


def build_order__wrong_form():
    return "EBHDGAF"


def build_order__wrong_EB():
    return "BEHDGAFC"


def build_order__wrong_BH():
    return "EHBDGAFC"


def build_order__wrong_HD():
    return "EBDHGAFC"


def build_order__wrong_DG():
    return "EBHGDAFC"


def build_order__wrong_GA():
    return "EBHDAGFC"


def build_order__wrong_AF():
    return "EBHDGFAC"


def build_order__wrong_FC():
    return "EBHDGACF"
