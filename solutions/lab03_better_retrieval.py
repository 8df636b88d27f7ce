# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 03: better retrieval, and how you would know
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab03_better_retrieval.ipynb)
#
# You will fuse rankings, measure them with grades, judge an approximate index and a reranker by what they cost, and compare two systems on the same
# questions. Then you choose hits that do not repeat each other, and find out which questions that helps.
#
# **About 80 minutes, 20 points.** Every exercise has a check beside it: run it as often as you like, it says what it sees. The grader asks the same
# questions with other inputs. Work through lesson 03 first. Answer where `NotImplementedError` stands, and keep the names of the functions.
#
# Work on a copy of this notebook. Before you hand it in, in a terminal in the folder of the course: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs
# everything from the start, as the grader will, and says what passes. A line that fails in the cell of an answer costs the answer, so try things out in
# cells of your own; and after a restart, run the cells from the first one on again.
#
# | exercise | points | lines | minutes |
# |---|---|---|---|
# | 1 `fuse_rankings` | 2 | 5 | 8 |
# | 2 `graded_ndcg` | 3 | 7 | 12 |
# | 3 `index_recall` | 2 | 7 | 10 |
# | 4 `rerank_depth` | 2 | 6 | 9 |
# | 5 `compare` | 3 | 6 | 12 |
# | 6 `fair_order` | 2 | 1 | 6 |
# | 7 `diversify`, and the experiment | 3 | 10 | 15 |
# | 8 in your own words | 3 | | 8 |

# %%
import sys

if "google.colab" in sys.modules:
    from IPython import get_ipython

    get_ipython().run_line_magic(
        "pip", 'install -q "git+https://github.com/adaptlab/adaptlab"'
    )
    from adaptlab.course.colab import prepare_session

    prepare_session()

# %%
import math

import numpy as np
from adaptlab.grading import check

# %% [markdown]
# ## A worked example
#
# Two searches rank documents, best first. Their scores do not compare, but their ranks do. With the constant 60 the first place of a ranking is worth
# 1 / 61, the second 1 / 62. A document that stands in both gets both. So 7 wins here, first in neither ranking.

# %%
first = [4, 7, 9]
second = [5, 7]
for document in (4, 5, 7, 9):
    parts = [
        1 / (60 + ranking.index(document) + 1)
        for ranking in (first, second)
        if document in ranking
    ]
    print(
        document, " + ".join(f"{part:.4f}" for part in parts), "=", f"{sum(parts):.4f}"
    )

# %% [markdown]
# ## 1 Fuse what you trust more, and only the top
#
# Now for any number of rankings, each with a weight that says how much you trust it. And since the hundredth place of a ranking says little, only its
# first `cut` places count.
#
# <details><summary>Hint</summary>A dictionary from ids to sums; <code>enumerate(ranking[:cut], 1)</code> gives the ranks. For the order:
# <code>sorted</code> takes a key, and a key can be a pair.</details>


# %% nbgrader={"grade": false, "grade_id": "fuse_rankings", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fuse_rankings(rankings, weights, constant, cut):
    """One ranking out of several, by weighted reciprocal ranks: a list of (id, score),
    the highest score first.

    rankings: a list of lists of ids (int), best first, none twice in one list; a list
    may be empty. weights: as many numbers above 0. constant: a number above 0. cut: an
    int, at least
    1. Only the first `cut` documents of each ranking count. There, the document at rank
    1, 2,
    ... gets weight / (constant + rank). Its score is the sum over the rankings; one
    that does not hold it among its first `cut` adds nothing. Scores are rounded to 9
    decimals; of those that are equal then, the smaller id comes first.
    """
    scores = {}
    # BEGIN SOLUTION
    for ranking, weight in zip(rankings, weights):
        for rank, document in enumerate(ranking[:cut], 1):
            scores[document] = scores.get(document, 0) + weight / (constant + rank)
    # END SOLUTION
    return sorted(
        ((document, round(score, 9)) for document, score in scores.items()),
        key=lambda pair: (-pair[1], pair[0]),
    )


# %% nbgrader={"grade": true, "grade_id": "check_fuse_rankings", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab03.fuse_rankings(fuse_rankings)

# %% [markdown]
# ## 2 Better and best: graded answers
#
# Some documents answer the question, some help a little. A judge gives each a grade from 0 on, and a document of grade *g* is worth 2ᵍ − 1. What
# stands at rank *r* is divided by log₂(r + 1), so that a late find is worth less. The sum over the first k ranks is the DCG, and nDCG divides it by
# the greatest DCG that any ranking could have.
#
# A new system finds documents that no judge has seen. They can count as worthless, or be taken out before anything is counted. Both are used, and
# they do not say the same: know which one you read.
#
# <details><summary>Hint</summary>Write a small function for the DCG of a list of grades, and call it twice. For the greatest DCG you need no ranking
# at all.</details>


# %% nbgrader={"grade": false, "grade_id": "graded_ndcg", "locked": false, "schema_version": 3, "solution": true, "task": false}
def graded_ndcg(ranking, grades, k, condensed):
    """nDCG@k with graded answers, a float.

    ranking: a list of ids, best first, none twice. grades: a dict from ids to grades,
    int from 0 on, of all documents that were judged, whether they were found or not. k:
    an int, at least
    1. condensed: if True, documents without a grade are taken out of the ranking first,
    and those behind them move up; if False, they stay where they are and are worth 0.
    DCG: the sum of (2**grade - 1) / log2(rank + 1) over the ranks 1 to k, or to the end
    of a shorter ranking. The result is the DCG of the ranking divided by the greatest
    DCG that a ranking of the judged documents can have in k ranks; 0.0 if no document
    has a grade above 0.
    """

    # BEGIN SOLUTION
    def dcg(found):
        return sum(
            (2**grade - 1) / math.log2(rank + 1)
            for rank, grade in enumerate(found[:k], 1)
        )

    found = [
        grades.get(document, 0)
        for document in ranking
        if document in grades or not condensed
    ]
    best = dcg(sorted(grades.values(), reverse=True))
    return dcg(found) / best if best else 0.0
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_graded_ndcg", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab03.graded_ndcg(graded_ndcg)

# %% [markdown]
# ## 3 What an approximate index misses
#
# IVF and HNSW look at some of the vectors only. Their recall is measured against an exact search: of the k that should be found, how many were? One
# thing is easily got wrong. Where several documents are equally near, the exact search names some of them by chance, and the others are as right.


# %% nbgrader={"grade": false, "grade_id": "index_recall", "locked": false, "schema_version": 3, "solution": true, "task": false}
def index_recall(exact, found, k):
    """The recall@k of an approximate index, a float: the mean over the queries.

    exact: for each query a list of pairs (id, score), tuples or lists, of all n
    documents of the collection, by an exact search, the highest score first; n is at
    least 1 and the same for every query. found: for each query a list of ids that the
    index gave, best first, none twice but -1, which stands for "nothing found". There
    is at least one query. k: an int, at least 1. Only the first k places of a list in
    `found` count, those with -1 among them. An id there is right if its exact score is
    at least the k-th highest exact score of this query (the lowest, if n is less than
    k). The recall of a query is the number of right ids divided by k, or by n if that
    is less.
    """
    # BEGIN SOLUTION
    recalls = []
    for known, given in zip(exact, found):
        m = min(k, len(known))
        bound = known[m - 1][1]
        right = {document for document, score in known if score >= bound}
        recalls.append(len(right.intersection(given[:k])) / m)
    return sum(recalls) / len(recalls)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_index_recall", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab03.index_recall(index_recall)

# %% [markdown]
# ## 4 How many hits to look at twice
#
# A reranker reads the first hits once more, in batches; a batch that is not full takes as long as a full one. You have measured the quality at
# several depths, and an answer has to come within so many milliseconds. Much time for little is no good bargain: the smallest depth that is nearly as
# good as the best you can afford will do.


# %% nbgrader={"grade": false, "grade_id": "rerank_depth", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rerank_depth(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
    """How many hits to rerank: an int, or None if even the cheapest depth takes too
    long.

    qualities: a dict from depths (int, from 0 on, in any order) to the quality measured
    at that depth; depth 0, where it stands in the dict, is the first stage without a
    reranker. first_ms: milliseconds of the first stage, which every depth needs. A
    depth of d hits needs as many batches of `batch_size` as hold d hits, the last one
    full or not, and each takes batch_ms; depth 0 needs none. A depth is affordable if
    all this takes at most budget_ms. The best affordable quality is the highest among
    affordable depths. The result is the smallest affordable depth whose quality is at
    least that minus `tolerance`.
    """
    # BEGIN SOLUTION
    affordable = [
        depth
        for depth in qualities
        if first_ms + math.ceil(depth / batch_size) * batch_ms <= budget_ms
    ]
    if not affordable:
        return None
    best = max(qualities[depth] for depth in affordable)
    return min(depth for depth in affordable if qualities[depth] >= best - tolerance)
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_rerank_depth", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab03.rerank_depth(rerank_depth)

# %% [markdown]
# ## 5 Better, or lucky?
#
# Two systems answered the same n questions. Is the new one better, or were these questions kind to it? The bootstrap draws n questions *with
# replacement* from those you have, many times, and looks how the difference moves. Both systems are asked the same drawn questions, so that a hard
# one is hard for both. To make the result exact, the draws are given.
#
# <details><summary>Hint</summary><code>np.asarray(scores)[resamples]</code> has the shape of <code>resamples</code>: one row for each draw.</details>


# %% nbgrader={"grade": false, "grade_id": "compare", "locked": false, "schema_version": 3, "solution": true, "task": false}
def compare(new, old, resamples):
    """A paired bootstrap: a dict with four floats.

    new, old: lists of n scores of two systems, on the same questions in the same order.
    resamples: int64 array (B, n); each row holds the positions of the n questions of
    one draw, and a position may occur several times. "difference": the mean of new
    minus the mean of old, on the questions as they are. "low", "high": the 2.5th and
    the 97.5th percentile, as np.percentile gives them, of that difference over the B
    draws. "not better": the share of the draws in which it is 0 or less.
    """
    # BEGIN SOLUTION
    gaps = np.asarray(new, float) - np.asarray(old, float)
    drawn = gaps[resamples].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        "difference": gaps.mean(),
        "low": low,
        "high": high,
        "not better": (drawn <= 0).mean(),
    }
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_compare", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab03.compare(compare)

# %% [markdown]
# ## 6 A fair comparison
#
# These lines find out whether a reranker pays, but they are in no order. People ask the same question many times, in `log` too. Give an order that is
# fair, as a string of the eight letters.
#
# ```
# A   grades = judge(shuffled(pool))
# B   tuning, test = halves(questions)
# C   print(verdict(rule, compare(*measured)))
# D   pool = hits of every system, at every depth, on all of `questions`
# E   questions = without_repeats(log)
# F   depth = best_depth(tuning, grades)
# G   measured = scores(test, grades, depth), scores(test, grades, 0)
# H   rule = "it pays if the lower end is above 0.02"
# ```


# %% nbgrader={"grade": false, "grade_id": "fair_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fair_order():
    """The order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "EBDAFHGC"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_fair_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab03.fair_order(fair_order)

# %% [markdown]
# ## 7 Hits that do not repeat each other
#
# Maximal marginal relevance chooses hits one by one. Each time it takes what is relevant *and* unlike everything that it has. `balance` says how much
# relevance counts against that. Ours also drops what is as good as a copy of a hit that was chosen.


# %% nbgrader={"grade": false, "grade_id": "diversify", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diversify(relevance, similarity, balance, k, duplicate):
    """The positions of at most k of n candidates, a list in the order in which they are
    chosen.

    relevance: n numbers, how near each candidate is to the question. similarity: array
    (n, n), how near each is to each; symmetric, and any sign occurs. balance: from 0 to
    1. k: at least
    1. duplicate: a number. The first choice is the most relevant candidate. Each next
    one is, among those not chosen yet and not dropped, the one with the greatest
    balance · relevance - (1 - balance) · (its highest similarity to a candidate that
    was chosen). Of equals, the lower position is taken. A candidate is dropped for good
    once its similarity to one that was chosen is at least `duplicate`. There are fewer
    than k positions if nothing is left; none for no candidates.
    """
    # BEGIN SOLUTION
    left = list(range(len(relevance)))
    chosen = []
    while left and len(chosen) < k:

        def worth(i):
            return (
                balance * relevance[i]
                - (1 - balance) * max(similarity[i][j] for j in chosen)
                if chosen
                else relevance[i]
            )

        best = max(left, key=worth)
        chosen.append(best)
        left = [i for i in left if i != best and similarity[i][best] < duplicate]
    return chosen
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_diversify", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab03.diversify(diversify)

# %% [markdown]
# ### Predict
#
# Below, customers of the shop ask three kinds of questions: in the shop's words, in words of their own, and two things at once. Three hits fit into
# the prompt. They are chosen by your function among the thirty that are nearest to the question, with several values of `balance`. At which of them
# do the three hits most often hold both answers to a question that asks two things? Choose one of the options before you go on.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = ["1.0", "0.9", "0.7", "0.5", "0.3"]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "0.5"
# END SOLUTION

# %%
import random

import bm25s
import pandas as pd
from adaptlab import plots
from adaptlab.evals.statistics import proportion
from adaptlab.rag.embed import minilm
from adaptlab.rag.retrieve import stemmed_words
from adaptlab.world import handbook, questions

check.predicted(prediction, options)

# %%
sections = handbook.handbook(0)
embedder = minilm()
draw = random.Random("lab 03")
texts = [f"{section.title}: {section.text}" for section in sections]
vectors = embedder.encode(texts)
keyword = bm25s.BM25()
keyword.index(stemmed_words(texts), show_progress=False)
KINDS = {
    "name": "in the shop's words",
    "paraphrase": "in words of their own",
    "two facts": "two things at once",
}
asked = {
    told: questions.draw_questions(draw, sections, kind, 120)
    for kind, told in KINDS.items()
}
for told, drawn in asked.items():
    print(f"{told}: {drawn[0].text}")


def by_meaning(drawn, n=30):
    """For each question the n nearest sections and all cosines, from MiniLM."""
    cosines = embedder.encode([question.text for question in drawn]) @ vectors.T
    return [(np.argsort(-row)[:n].tolist(), row) for row in cosines]


def by_words(drawn, n=30):
    """For each question the sections that share words with it, from BM25."""
    positions, scores = keyword.retrieve(
        stemmed_words([question.text for question in drawn]), k=n, show_progress=False
    )
    found = []
    for sections_found, values in zip(positions, scores):
        found.append([int(i) for i, score in zip(sections_found, values) if score > 0])
    return found


# %%
def holds_all(question, hits):
    """Whether three hits hold every fact that is asked for."""
    return all(part & set(hits[:3]) for part in question.gold)


def spread(near, row, balance):
    """Three of the nearest sections, chosen by `diversify`."""
    return [
        near[i]
        for i in diversify(
            row[near].tolist(),
            vectors[near] @ vectors[near].T,
            balance,
            3,
            duplicate=0.99,
        )
    ]


def fused_sections(pair):
    """The sections of two rankings, in one."""
    ranking = fuse_rankings(pair, [1, 1], constant=60, cut=20)
    return [section for section, _ in ranking]


balances = [float(option) for option in options]
searched = {told: by_meaning(drawn) for told, drawn in asked.items()}
chosen = {}
complete = {}
for told, drawn in asked.items():
    chosen[told] = {}
    complete[told] = {}
    for b in balances:
        hits = [spread(near, row, b) for near, row in searched[told]]
        chosen[told][b] = hits
        complete[told][b] = [holds_all(*each) for each in zip(drawn, hits)]
fused = {}
for told, drawn in asked.items():
    nearest = [near for near, _ in searched[told]]
    fused[told] = [fused_sections(pair) for pair in zip(nearest, by_words(drawn))]

# %%
two = complete["two things at once"]
measured = max(options, key=lambda option: sum(two[float(option)]))
print(f"both answers most often at {measured}, and you said {prediction}")
whole = {}
for told, drawn in asked.items():
    whole[told] = {f"{b}": proportion(held) for b, held in complete[told].items()}
    whole[told]["fused"] = proportion(
        [holds_all(*each) for each in zip(drawn, fused[told])]
    )
plots.grouped_bars(
    "Three hits: by balance, and fused from keyword and dense search",
    "questions with every answer in the hits",
    whole,
)

# %%
half = 60
numbers = np.random.default_rng(0)
# Chosen on one half of the questions, compared on the other.
better = max(balances, key=lambda b: sum(two[b][:half]))
told = compare(
    two[better][half:], two[1.0][half:], numbers.integers(half, size=(2000, half))
)
print(
    f"balance {better} against 1.0:",
    {name: f"{value:.3f}" for name, value in told.items()},
)


def graded(question, hits):
    """nDCG@3: 2 for a section that states a fact that is asked for, 1 for others about
    its subject.
    """
    subjects = {fact.subject for fact in question.facts}
    right = frozenset().union(*question.gold)
    grades = {}
    for i, section in enumerate(sections):
        if i in right:
            grades[i] = 2
        elif subjects & {fact.subject for fact in section.facts}:
            grades[i] = 1
    return graded_ndcg(hits, grades, 3, condensed=False)


rows = {}
for told, drawn in asked.items():
    rows[told] = {}
    for b, hits in chosen[told].items():
        rows[told][f"{b}"] = np.mean([graded(*each) for each in zip(drawn, hits)])
    rows[told]["fused"] = np.mean([graded(*each) for each in zip(drawn, fused[told])])
pd.DataFrame(rows).round(2).rename_axis("mean nDCG@3, by balance")

# %% [markdown]
# ## 8 In your own words
#
# In a shop's log one question in ten asks two things at once, and nobody knows which. Using the figure, the comparison and the table: would you
# spread the hits for every question, fuse keyword and dense search in its place, or leave the search as it is? What else would you try first? Five to
# eight sentences. Say, too, what of your prediction came true, what did not, and why.
#
# *A person marks this: 1 point for weighing gain and loss by how often each kind is asked, 1 for why too much spreading loses again, 1 for what the
# two measures (every answer in the hits, nDCG) see differently or for a test that would decide.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# A question on two things has two answers in two sections, and the three nearest are often all about one of them. Spreading makes room for the other.
# With too little balance relevance hardly counts, and the third hit is simply unlike the rest: both answers are lost again, and single answers in
# other words as well. With one such question in ten the gain counts a tenth, and each point that is lost with the other kinds counts ninefold. So I
# would take a mild balance or none. Fusing raises questions on two things too, since rare words of both stand in them, but it puts customers' own
# words lower, where keyword search is weak. The measure of the figure only asks whether everything is there; nDCG also sees whether the best comes
# first, and pays for sections on the right subject. First I would try to split a question in two before the search, and compare all of it on a part
# of the log that was not used for choosing, with the paired bootstrap. I had taken a half for a good middle.
