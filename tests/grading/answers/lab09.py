"""Answers to lab 09: correct and written differently from the solution, or wrong in a way that a
symptom recognises.
"""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

import numpy as np
import scipy.special
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression


def search_prompts__right_recursive(hits, budget):
    names = list(hits)
    table = np.array([hits[name] for name in names])
    half = table.shape[1] // 2
    n_rounds = 0
    while 2**n_rounds < len(names):
        n_rounds += 1

    def search(left, start, used):
        if len(left) == 1:
            return left[0], used
        new = min(half - start, budget // n_rounds // len(left))
        stop = start + new
        ranked = sorted(left, key=lambda row: (-table[row, :stop].sum(), row))
        return search(ranked[: (len(left) + 1) // 2], stop, used + new * len(left))

    row, used = search(list(range(len(names))), 0, 0)
    return names[row], float(table[row, half:].mean()), used


def search_prompts__right_removes_the_worst(hits, budget):
    order = list(hits)
    n = len(hits[order[0]])
    rounds = math.ceil(math.log2(len(order)))
    left = set(order)
    done = used = 0
    for _ in range(rounds):
        each = budget // (rounds * len(left))
        cases = range(done, min(done + each, n // 2))
        used += len(cases) * len(left)
        done = done + len(cases)
        for _ in range(len(left) // 2):
            fewest = min(sum(hits[name][:done]) for name in left)
            left.remove([x for x in order if x in left and sum(hits[x][:done]) == fewest][-1])
    (name,) = left
    others = hits[name][n // 2 :]
    return [name, Fraction(sum(others), len(others)), used]


def distillation_rows__right_passes(examples, replies, limit, is_valid):
    pairs = [(example["messages"], reply) for example, reply in zip(examples, replies)]
    pairs = [(messages, reply) for messages, reply in pairs if not reply["n_completion"] >= limit]
    pairs = [(messages, reply["text"].strip()) for messages, reply in pairs]
    pairs = [(messages, text) for messages, text in pairs if text != "" and is_valid(text)]
    rows = []
    for messages, text in pairs:
        row = list(messages) + [{"role": "assistant", "content": text}]
        rows.append([one for one in row if one["role"] in ("user", "assistant")])
    return [row for place, row in enumerate(rows) if row not in rows[:place]]


def distillation_rows__right_keys(examples, replies, limit, is_valid):
    unique = {}
    for i in range(len(examples)):
        text = replies[i]["text"].strip()
        if len(text) and replies[i]["n_completion"] < limit and is_valid(text):
            turns = [
                (one["role"], one["content"])
                for one in examples[i]["messages"]
                if one["role"] != "system"
            ]
            turns.append(("assistant", text))
            unique.setdefault(tuple(turns), None)
    return [[{"role": role, "content": content} for role, content in row] for row in unique]


def distillation_rows__wrong_mutates(examples, replies, limit, is_valid):
    rows = []
    for example, reply in zip(examples, replies):
        text = reply["text"].strip()
        if not text or reply["n_completion"] >= limit or not is_valid(text):
            continue
        row = example["messages"]
        if row[0]["role"] == "system":
            row.pop(0)
        row.append({"role": "assistant", "content": text})
        if row not in rows:
            rows.append(row)
    return rows


def reward__right_by_hand(reply, fields):
    found, i = [], 0
    while i < len(reply):
        if reply[i] not in "0123456789":
            i += 1
            continue
        start = i - 1 if i and reply[i - 1] in "-\u2212" else i
        while i < len(reply) and (
            reply[i] in "0123456789"
            or (reply[i] in ".," and reply[i + 1 : i + 2] in tuple("0123456789"))
        ):
            i += 1
        found.append(reply[start:i])
    a, b = fields["a"], fields["b"]
    if not found or found[-1] != f"{a + b}":
        return 0.0
    return 1.0 if all(one in (str(a), str(b), str(a + b)) for one in found) else 0.0


def reward__right_removes_what_is_allowed(reply, fields):
    a, b = fields["a"], fields["b"]
    numbers = [match[0] for match in re.finditer("(-|\u2212)?[0-9]+([.,][0-9]+)*", reply)]
    foreign = [one for one in numbers if one not in map(str, (a, b, a + b))]
    return int(len(numbers) > 0 and not foreign and numbers[-1] == str(a + b))


def group_advantages__right_loops(rewards):
    result = []
    for group in np.asarray(rewards, dtype=float).tolist():
        if len(group) < 2:
            raise ValueError("one reply alone")
        row = []
        for i, value in enumerate(group):
            others = group[:i] + group[i + 1 :]
            row.append(value - sum(others) / len(others))
        result.append(row)
    return np.array(result)


def group_advantages__right_factor(rewards):
    n_prompts, k = rewards.shape
    if k <= 1:
        raise ValueError(f"k = {k}")
    return (rewards - rewards.mean(1).reshape(n_prompts, 1)) * k / (k - 1)


def group_advantages__right_matrix(rewards):
    k = rewards.shape[-1]
    if k == 1:
        raise ValueError
    return rewards @ (np.eye(k) - (np.ones((k, k)) - np.eye(k)) / (k - 1))


def group_advantages__wrong_single_is_nan(rewards):
    values = rewards.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        others = (values.sum(axis=1, keepdims=True) - values) / np.float64(values.shape[1] - 1)
    return values - others


def pass_at_k__wrong_overflows(n, c, k):
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError("not possible")
    if n - c < k:
        return 1.0
    with np.errstate(invalid="ignore"):
        return float(1 - scipy.special.comb(n - c, k) / scipy.special.comb(n, k))


def pass_at_k__right_product(n, c, k):
    if c < 0 or c > n or k < 1 or k > n:
        raise ValueError("not possible")
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def pass_at_k__right_logarithms(n, c, k):
    if min(c, n - c) < 0 or min(k - 1, n - k) < 0:
        raise ValueError("not possible")
    if k > n - c:
        return 1
    ways = [math.lgamma(m + 1) - math.lgamma(m - k + 1) for m in (n - c, n)]
    return -math.expm1(ways[0] - ways[1])


def pass_at_k__right_fractions(n, c, k):
    if not 0 <= c <= n or not 0 < k <= n:
        raise ValueError("not possible")
    fails = Fraction(1)
    for i in range(min(k, 3000)):
        fails *= Fraction(max(n - c - i, 0), n - i)
        if not fails:
            break
    return 1 - fails


def baseline__right_by_steps(train_texts, train_labels, texts):
    counter = CountVectorizer()
    weights = TfidfTransformer()
    rows = weights.fit_transform(counter.fit_transform(train_texts))
    classifier = LogisticRegression().fit(rows, train_labels)
    new = weights.transform(counter.transform(texts))
    probabilities = classifier.predict_proba(new)
    return [str(classifier.classes_[row.argmax()]) for row in probabilities], probabilities


def baseline__right_own_weights(train_texts, train_labels, texts):
    def words(text):
        return re.findall(r"\b\w\w+\b", text.lower())

    vocabulary = sorted(set(sum(map(words, train_texts), [])))
    n = len(train_texts)
    spread = [sum(word in words(text) for text in train_texts) for word in vocabulary]
    idf = np.log((1 + n) / (1 + np.array(spread))) + 1

    def vectors(some):
        rows = np.array([[words(text).count(word) for word in vocabulary] for text in some]) * idf
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(lengths == 0, 1, lengths)

    classifier = LogisticRegression()
    classifier.fit(vectors(train_texts), train_labels)
    return classifier.predict(vectors(texts)), classifier.predict_proba(vectors(texts))


def baseline__right_sorted_texts(train_texts, train_labels, texts):
    pairs = sorted(zip(train_texts, train_labels))
    assert all(a <= b for a, b in pairwise(pairs))
    vectorizer = TfidfVectorizer().fit([text for text, _ in pairs])
    rows = vectorizer.transform([text for text, _ in pairs])
    classifier = LogisticRegression().fit(rows, [label for _, label in pairs])
    new = vectorizer.transform(texts)
    named: Mapping = dict(enumerate(classifier.classes_))
    probabilities = classifier.predict_proba(new)
    return [named[i] for i in probabilities.argmax(axis=1)], probabilities
