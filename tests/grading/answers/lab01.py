"""Answers to lab 01: written differently from the solution and right, or wrong in a way that a
symptom knows.
"""

import itertools
import json
from bisect import bisect_left
from collections import Counter

import numpy as np


def fit_prompt__right_growing(system, examples, question, count, budget):
    def made(kept):
        blocks = [f"Text: {text}\nLabel: {label}" for text, label in kept]
        blocks.append("Text: " + question + "\nLabel:")
        messages = [{"role": "user", "content": "\n\n".join(blocks)}]
        return [{"role": "system", "content": system}] + messages if system else messages

    if count(made([])) > budget:
        raise ValueError(budget)
    kept = []
    for example in examples:
        if count(made([example, *kept])) > budget:
            break
        kept.insert(0, example)
    return made(kept)


def fit_prompt__right_recursive(system, examples, question, count, budget):
    content = f"Text: {question}\nLabel:"
    for text, label in examples:
        content = f"Text: {text}\nLabel: {label}\n\n{content}"
    messages = [{"role": "user", "content": content}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    if count(messages) <= budget:
        return messages
    if not examples:
        raise ValueError("over budget")
    return fit_prompt__right_recursive(system, examples[:-1], question, count, budget)


def bill__right_beginnings(requests, block, prices):
    seen = set()
    total = 0.0
    for request in requests:
        prompt = tuple(request["prompt"])
        cached = 0
        for end in range(block, len(prompt), block):
            if prompt[:end] in seen:
                cached = end
        seen.update(prompt[:end] for end in range(1, len(prompt) + 1))
        total += (
            prices["cached"] * cached
            + prices["read"] * (len(prompt) - cached)
            + prices["written"] * request["reply"]
        )
    return total / 1000


def bill__right_tree(requests, block, prices):
    tree = {}
    tokens = np.zeros(3)
    for request in requests:
        node = tree
        depth = 0
        known = True
        for token in request["prompt"]:
            known = known and token in node
            depth += known
            node = node.setdefault(token, {})
        cached = min(depth, len(request["prompt"]) - 1)
        cached -= cached % block
        tokens += [len(request["prompt"]) - cached, cached, request["reply"]]
    return tokens @ np.array([prices["read"], prices["cached"], prices["written"]]) / 1e3


def vote__right_counter(answers, margin):
    votes = Counter(answers)
    votes.pop(None, None)
    ranked = votes.most_common(2) + [("nobody", 0)]
    return ranked[0][0] if len(ranked) > 1 and ranked[0][1] - ranked[1][1] >= margin else None


def vote__right_runs(answers, margin):
    runs = [
        list(run)
        for _, run in itertools.groupby(sorted(answer for answer in answers if answer is not None))
    ]
    runs.sort(key=len)
    lengths = [0, *map(len, runs)]
    return runs[-1][0] if runs and lengths[-1] >= margin + lengths[-2] else None


def read_object__right_letter_by_letter(reply):
    if "{" not in reply or "}" not in reply:
        raise ValueError("no braces")
    text = reply[reply.index("{") : reply.rindex("}") + 1]
    out = []
    mark = None
    i = 0
    while i < len(text):
        c = text[i]
        if mark:
            if c == "\\":
                pair = text[i : i + 2]
                out.append("'" if mark == "'" and pair == "\\'" else pair)
                i += 1
            elif c == mark:
                out.append('"')
                mark = None
            else:
                out.append('\\"' if c == '"' else c)
        elif c in "\"'":
            mark = c
            out.append('"')
        elif c == "," and text[i + 1 :].lstrip()[:1] in ("}", "]"):
            pass
        else:
            out.append(c)
        i += 1
    return json.loads("".join(out))


def read_object__right_descent(reply):
    text = reply[max(reply.find("{"), 0) : reply.rfind("}") + 1]
    value, end = _value(text, 0)
    if text[end:].strip() or not isinstance(value, dict):
        raise ValueError("more than an object")
    return value


def _skip(text, at):
    while at < len(text) and text[at].isspace():
        at += 1
    if at >= len(text):
        raise ValueError("it breaks off")
    return at


def _value(text, at):
    at = _skip(text, at)
    if text[at] in "{[":
        return _entries(text, at + 1, {"{": "}", "[": "]"}[text[at]])
    if text[at] == "'":
        end = at + 1
        while text[end : end + 1] != "'":
            if end >= len(text):
                raise ValueError("an open text")
            end += 2 if text[end] == "\\" else 1
        pieces = [
            "'" if piece == "\\'" else '\\"' if piece == '"' else piece
            for piece in _pieces(text[at + 1 : end])
        ]
        return json.loads(f'"{"".join(pieces)}"'), end + 1
    return json.JSONDecoder().raw_decode(text, at)


def _pieces(inner):
    letters = iter(inner)
    return [letter + next(letters, "") if letter == "\\" else letter for letter in letters]


def _entries(text, at, close):
    keys = []
    values = []
    after_comma = True
    while text[at := _skip(text, at)] != close:
        if not after_comma:
            raise ValueError("a comma is missing")
        if close == "}":
            key, at = _value(text, at)
            at = _skip(text, at)
            if not isinstance(key, str) or text[at] != ":":
                raise ValueError("no key")
            keys.append(key)
            at += 1
        value, at = _value(text, at)
        values.append(value)
        at = _skip(text, at)
        after_comma = text[at] == ","
        at += after_comma
    return (dict(zip(keys, values)) if close == "}" else values), at + 1


def attack_outcome__right_letters(reply, word, secret):
    letters = [c for c in reply.lower() if c in "abcdefghijklmnopqrstuvwxyz0123456789"]
    if secret in "".join(letters):
        return "leaked"
    found = set()
    small = reply.lower()
    for at in range(len(small) - len(word) + 1):
        around = small[at - 1 : at] + small[at + len(word) : at + len(word) + 1]
        if small[at : at + len(word)] == word and not any(c.isalnum() for c in around):
            quoted = reply[:at].count('"') % 2 == 1 and '"' in reply[at:]
            found.add("quoted" if quoted else "obeyed")
    return min(found, default="clean")


def attack_outcome__right_parts(reply, word, secret):
    if secret in "".join(filter(lambda c: c.isascii() and c.isalnum(), reply)).lower():
        return "leaked"
    parts = reply.split('"')
    if len(parts) % 2 == 0:
        parts[-2:] = [" ".join(parts[-2:])]

    def words(text):
        return "".join(c if c.isalnum() else " " for c in text.lower()).split()

    if any(word in words(part) for part in parts[::2]):
        return "obeyed"
    return "quoted" if any(word in words(part) for part in parts[1::2]) else "clean"


def honest_order__right_prediction_first():
    return "FDHBGAEC"


def honest_order__right_list():
    return list("DHFBGAEC")


def honest_order__wrong_form():
    return "DHBGFAE"


def honest_order__wrong_DH():
    return "HDBGFAEC"


def honest_order__wrong_HB():
    return "DBHGFAEC"


def honest_order__wrong_BG():
    return "DHGBFAEC"


def honest_order__wrong_GA():
    return "DHBFAGEC"


def honest_order__wrong_FA():
    return "DHBGAFEC"


def honest_order__wrong_AE():
    return "DHBGFEAC"


def honest_order__wrong_EC():
    return "DHBGFACE"


def best_buy__right_sorted(offers, target):
    ranked = sorted(offers, key=lambda offer: offer["share"], reverse=True)
    ranked.sort(key=lambda offer: offer["price"])
    return next((offer["name"] for offer in ranked if offer["share"] >= target), None)


def best_buy__right_loop(offers, target):
    best = None
    for offer in itertools.filterfalse(lambda offer: offer["share"] < target, offers):
        if (
            best is None
            or offer["price"] < best["price"]
            or (offer["price"] == best["price"] and offer["share"] > best["share"])
        ):
            best = offer
    return best and best["name"]


def fit_prompt__right_bisect(system, examples, question, count, budget):
    def made(n):
        shown = [f"Text: {text}\nLabel: {label}" for text, label in reversed(examples[:n])]
        content = "\n\n".join([*shown, f"Text: {question}\nLabel:"])
        return ([{"role": "system", "content": system}] if system else []) + [
            {"role": "user", "content": content}
        ]

    n = bisect_left(range(len(examples) + 1), True, key=lambda n: count(made(n)) > budget) - 1
    if n < 0:
        raise ValueError("too little room")
    return made(n)
