# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 07: what a training took away
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab07_forgetting.ipynb)
#
# You will measure forgetting over several stages, mix old examples among new ones, and write a gate that tells a loss from chance and from a trifle.
# Then you tune a small model in five ways, and choose by what it learned and by what it kept.
#
# **About 85 minutes, 20 points.** Every exercise has a check beside it: run it as often as you like, it says what it sees. The grader asks the same
# questions with other inputs. Work through lesson 07 first. Answer where `NotImplementedError` stands, and keep the names of the functions.
#
# Work on a copy of this notebook. Before you hand it in, in a terminal in the folder of the course: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs
# everything from the start, as the grader will, and says what passes. A line that fails in the cell of an answer costs the answer, so try things out in
# cells of your own; and after a restart, run the cells from the first one on again.
#
# | exercise | points | lines | minutes |
# |---|---|---|---|
# | 1 `measures` | 3 | 6 | 12 |
# | 2 `interleave` | 3 | 10 | 16 |
# | 3 `paired` | 2 | 5 | 9 |
# | 4 `verdicts` | 3 | 11 | 18 |
# | 5 `way_back` | 2 | 4 | 8 |
# | 6 `gate_order` | 2 | 1 | 5 |
# | 7 `frontier`, and the experiment | 2 | 4 | 9 |
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
import itertools

from adaptlab import plots
from adaptlab.evals.suite import measure_skill
from adaptlab.grading import check
from adaptlab.models.local import LocalChat
from adaptlab.studies.forgetting import old_conversations
from adaptlab.studies.tuning import conversation, judged, test_cases, train_cases
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from scipy import stats

# %% [markdown]
# ## A worked example
#
# Three tasks are learned one after the other. Row i of the table is the model after stage i, in which task i was trained; column j is the share of
# right replies in task j. Follow the first column: the task is learned in stage 0 and then it is not trained any more.

# %%
table = [[0.90, 0.10, 0.00], [0.95, 0.80, 0.10], [0.50, 0.85, 0.90]]
first = [row[0] for row in table]
print("task 0 after each stage:", first)
print(
    f"right after its own stage {first[0]}, at its best before the last stage"
    f" {max(first[:-1])}, at the end {first[-1]}"
)
print(
    f"lost since its own stage {first[0] - first[-1]:.2f}, lost since its best"
    f" {max(first[:-1]) - first[-1]:.2f}"
)

# %% [markdown]
# ## 1 Measures over stages
#
# Three measures of such a table. *Forgetting* looks at what a task had at its best. *Backward transfer* looks at what later stages did to it, for
# better or for worse. *Forward transfer* looks at what earlier stages did for it before its own came.
#
# The frame is given.
#
# <details><summary>Hint</summary>Each measure is a mean over all tasks but one. Which one has to be left out, and why? Write the number of a single
# task j first, as in the worked example.</details>


# %% nbgrader={"grade": false, "grade_id": "measures", "locked": false, "schema_version": 3, "solution": true, "task": false}
def measures(start, scores):
    """A dict with "forgetting", "backward" and "forward", all floats.

    start: a list of T shares, each task before any training. scores: T lists of T
    shares; scores[i][j] is the share of task j after stage i, in which task i was
    trained. T is at least 2.

    forgetting: the mean, over all tasks but the last, of the best share that the task
    had after any stage from its own to the last but one (both included), minus its
    share after the last stage. backward: the mean, over the same tasks, of its share
    after the last stage minus that after its own. forward: the mean, over all tasks but
    the first, of its share after the stage before its own minus its share in `start`.
    """
    n = len(start)
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    # BEGIN SOLUTION
    best = [max(scores[i][j] for i in range(j, n - 1)) for j in range(n - 1)]
    return {
        "forgetting": mean([best[j] - scores[-1][j] for j in range(n - 1)]),
        "backward": mean([scores[-1][j] - scores[j][j] for j in range(n - 1)]),
        "forward": mean([scores[j - 1][j] - start[j] for j in range(1, n)]),
    }
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_measures", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab07.measures(measures)

# %% [markdown]
# ## 2 Old among new
#
# In the lesson old conversations took the place of new ones. Here no new example is given up: old ones come in addition, and they are spread evenly,
# so that no stretch of the training is without them. The order in which they are used is given, so the result is fixed.
#
# <details><summary>Hint</summary><code>itertools.cycle</code> goes round a list without end, and <code>next</code> takes one from it. What is the
# last block if all new examples fit into whole ones? <code>math.ceil(a / b)</code> rounds up; with whole numbers <code>-(-a // b)</code> does so
# exactly.</details>


# %% nbgrader={"grade": false, "grade_id": "interleave", "locked": false, "schema_version": 3, "solution": true, "task": false}
def interleave(new, old, order, k, n):
    """Old examples among new ones, as one list: of every n examples k are old.

    new, old: lists of examples. order: a list that holds each index of `old` once. k,
    n: int. The result is made of blocks: n - k new ones in their order, then k old
    ones. The old ones are taken in the order of `order`; this goes on from block to
    block, and begins anew when all of them have been used. Every new example stands in
    the result once. If the last block gets only r < n - k new ones, it gets k · r / (n
    - k) old ones, rounded up. Without new examples the result is empty. ValueError if
    not 0 <= k < n, and if k > 0 while `old` is empty.
    """
    # BEGIN SOLUTION
    if not 0 <= k < n or (k and not old):
        raise ValueError(
            "k must be at least 0 and less than n, and old examples are needed where k"
            " is not 0"
        )
    used = itertools.cycle(order)
    mixed = []
    for start in range(0, len(new), n - k):
        block = new[start : start + n - k]
        mixed += block
        mixed += [old[next(used)] for _ in range(-(-k * len(block) // (n - k)))]
    return mixed
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_interleave", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab07.interleave(interleave)

# %% [markdown]
# ## 3 The same cases, before and after
#
# Most cases come out as before, and say nothing of a change. What counts are those that changed: if the training changed nothing, each of them is as
# likely lost as won, like a fair coin. The gate of the lesson looked for losses alone. This one looks both ways, since a skill that was won is news,
# too.
#
# <details><summary>Hint</summary><code>stats.binomtest(k, n).pvalue</code> is the two-sided, exact p-value of k heads in n throws of a fair coin.
# What are the throws here?</details>


# %% nbgrader={"grade": false, "grade_id": "paired", "locked": false, "schema_version": 3, "solution": true, "task": false}
def paired(before, after):
    """A dict with "lost", "won" (int), "change" and "p" (float), for one skill.

    before, after: two lists of as many 0 and 1, at least one: whether each case came
    out right, the same cases in the same order. lost: how many were right before and
    wrong after; won: the other way round. change: the share of right cases after, minus
    that before. p: the two-sided exact p-value of "a case that changed is as likely
    lost as won"; 1 if none changed.
    """
    # BEGIN SOLUTION
    lost = sum(b > a for b, a in zip(before, after))
    won = sum(a > b for b, a in zip(before, after))
    p = stats.binomtest(lost, lost + won).pvalue if lost + won else 1.0
    return {"lost": lost, "won": won, "change": (won - lost) / len(before), "p": p}
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_paired", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab07.paired(paired)

# %% [markdown]
# ## 4 A verdict for each skill
#
# Whoever tests seven skills at 5 in 100 finds a loss by chance in every third harmless training. Holm's correction keeps the whole at 5 in 100. Here
# the skills have *weights*: a house that lives by reading gives reading a greater part of what may be spent on chance. And a change that is surely
# there may still be too small to matter.
#
# <details><summary>Hint</summary>Sort the names. Go through them with the sum of the weights that are left, and leave the loop at the first that does
# not pass. Only then look at the sizes of the changes.</details>


# %% nbgrader={"grade": false, "grade_id": "verdicts", "locked": false, "schema_version": 3, "solution": true, "task": false}
def verdicts(found, weights, alpha, margin):
    """A dict with a verdict on each skill: "lost", "won", "small" or "open".

    found: a dict from skills to dicts with "change" and "p", as `paired` gives them.
    weights: a dict from the same skills to numbers above 0. alpha, margin: numbers. May
    be empty: then the result is, too.

    Weighted Holm: the skills are taken in the order of p / weight, the least first. A
    skill's change is shown if p · (the sum of its weight and of the weights of all
    skills after it) / (its weight) is at most alpha, and if all skills before it were
    shown. A change that is not shown is "open". One that is shown is "lost" if it is
    below -margin, "won" if it is above margin, and else "small".
    """
    # BEGIN SOLUTION
    left = sum(weights.values())
    result = dict.fromkeys(found, "open")
    for name in sorted(found, key=lambda name: found[name]["p"] / weights[name]):
        if found[name]["p"] * left / weights[name] > alpha:
            break
        left -= weights[name]
        change = found[name]["change"]
        result[name] = (
            "lost" if change < -margin else "won" if change > margin else "small"
        )
    return result
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_verdicts", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.lab07.verdicts(verdicts)

# %% [markdown]
# ## 5 Gone, or covered up?
#
# A few old conversations after the training show what is left of a skill. If they bring most of the loss back, it had only been covered up. How many
# does it take?


# %% nbgrader={"grade": false, "grade_id": "way_back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def way_back(before, tuned, curve, least, part):
    """How many old examples bring a skill back: the least number of them (int), or
    "kept", or "gone".

    before, tuned: its share of right replies before and after a tuning. curve: a list
    of [number of old examples, share after those], in any order, maybe empty. least,
    part: numbers above 0. The loss is before - tuned. A loss below `least` is none:
    "kept". A number of examples brings the skill back if what it adds to `tuned` is at
    least `part` times the loss. If no number on the curve does: "gone".
    """
    # BEGIN SOLUTION
    loss = before - tuned
    if loss < least:
        return "kept"
    return min(
        (n for n, share in curve if share - tuned >= part * loss), default="gone"
    )
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_way_back", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab07.way_back(way_back)

# %% [markdown]
# ## 6 What comes first?
#
# These lines train a model behind a gate, but they are in no order. `fine_tune` makes a copy and leaves the base as it is. Limits that are chosen
# when the results are known can be chosen so that anything passes. Give an order that works, as a string of the eight letters.
#
# ```
# A   tuned = fine_tune(base, examples)
# B   result = verdicts(found(before, after), WEIGHTS, alpha, margin)
# C   cases = draw_cases(seed=1)
# D   before = replies_judged(base, cases)
# E   alpha, margin = 0.05, 0.02
# F   ship(tuned) if "lost" not in result.values() else refuse(tuned)
# G   examples = without_questions_of(cases, examples)
# H   after = replies_judged(tuned, cases)
# ```


# %% nbgrader={"grade": false, "grade_id": "gate_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gate_order():
    """The order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "CGEDAHBF"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_gate_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab07.gate_order(gate_order)

# %% [markdown]
# ## 7 The frontier
#
# A training that learns more and one that keeps more cannot be ranked without knowing what is wanted. But some can be struck out by anybody: those
# for which there is another that is better in one and no worse in the other.


# %% nbgrader={"grade": false, "grade_id": "frontier", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frontier(arms):
    """The names of the arms that no other one beats, as a list in the order in which
    they came.

    arms: a list of dicts with "name" (text), "learned" and "kept" (numbers, more is
    better), maybe empty. An arm beats another if it is at least as good in both numbers
    and better in at least one. Of arms with the same two numbers none beats another.
    """

    # BEGIN SOLUTION
    def beats(a, b):
        return (
            a["learned"] >= b["learned"]
            and a["kept"] >= b["kept"]
            and (a["learned"], a["kept"]) != (b["learned"], b["kept"])
        )

    return [arm["name"] for arm in arms if not any(beats(other, arm) for other in arms)]
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_frontier", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab07.frontier(frontier)

# %% [markdown]
# ### Predict
#
# Below, the small chat model learns in full to send reviews to eight desks, from 320 reviews, in five ways: at a high, a middle and a low rate
# without old conversations, and at the high rate with 1 or with 4 old ones in every 12 examples, mixed in by your `interleave`. Two old skills are
# measured, the facts that it knows by heart and the tones that a system prompt asks for. Of the ways that learn nine in ten desks, which one keeps
# most of the two skills? Choose one of the options before you go on.

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
options = [
    "high rate",
    "high rate, 1 of 12 old",
    "high rate, 4 of 12 old",
    "middle rate",
    "low rate",
]
prediction = None  # one of the options
# BEGIN SOLUTION
prediction = "high rate, 4 of 12 old"
# END SOLUTION

# %%
check.predicted(prediction, options)
chat = LocalChat("embedded:mini-chat")
N_CASES = 100
SKILLS = ["known facts", "tones"]
WEIGHTS = {"known facts": 2, "tones": 1}
# The rate, and how many of 12 are old.
settings = dict(zip(options, [(2e-3, 0), (2e-3, 1), (2e-3, 4), (1e-3, 0), (2e-4, 0)]))
new = [conversation(case) for case in train_cases("desk", 320, seed=0)]
old = old_conversations(240, seed=0)
asked = test_cases("desk", 100, seed=0)
before = {skill: measure_skill(chat, skill, N_CASES, seed=1) for skill in SKILLS}
mean = lambda values: sum(values) / len(values)  # noqa: E731
print("before:", {skill: round(mean(hits), 3) for skill, hits in before.items()})

# %%
arms = []
judgements = {}
for name, (rate, k) in settings.items():
    mixed = interleave(new, old, list(range(len(old))), k, 12)
    tuned = fine_tune(
        chat, mixed, Options(method="full", learning_rate=rate, batch_size=8, seed=0)
    )
    after = {skill: measure_skill(tuned, skill, N_CASES, seed=1) for skill in SKILLS}
    learned = mean(judged(tuned, "desk", asked))
    arms.append(
        {
            "name": name,
            "learned": learned,
            "kept": mean([mean(hits) for hits in after.values()]),
        }
    )
    judgements[name] = verdicts(
        {skill: paired(before[skill], after[skill]) for skill in SKILLS},
        WEIGHTS,
        alpha=0.05,
        margin=0.02,
    )
    print(
        f"{name}, {len(mixed)} examples: desks {learned:.2f},",
        {
            skill: f"{mean(after[skill]):.2f}, {judgements[name][skill]}"
            for skill in SKILLS
        },
    )

# %%
print("on the frontier:", frontier(arms))
measured = max(
    (arm for arm in arms if arm["learned"] >= 0.9), key=lambda arm: arm["kept"]
)["name"]
print(
    f"of those that learn nine in ten desks, {measured} keeps most, and you said"
    f" {prediction}; the gate on it: {judgements[measured]}"
)
plots.scatter(
    "Learned and kept",
    "right desks",
    "mean share of two old skills",
    [(arm["learned"], arm["kept"]) for arm in arms],
    options,
)

# %% [markdown]
# ## 8 In your own words
#
# Your house wants the desks by tomorrow, and nobody can say what else the model is used for. Using the figure and the verdicts: which of the five
# would you ship, or none? Discuss what a few old conversations did, why more of them did what they did here, and what two skills can tell you of all
# the others. Five to eight sentences. Say, too, what of your prediction came true, what did not, and why.
#
# *A person marks this: 1 point for a decision that the frontier and the gate support, 1 for an explanation of the arms with old conversations that
# minds how many steps each had, 1 for what was not measured.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# At the high rate alone the model learns the desks and little else is left. A few old conversations among the new ones keep most of both skills: they
# do not teach anything, they only remind the model in each stretch that other questions are still asked. More of them came in addition to the new
# examples, so this training had more steps at the high rate, and each fact that is not among the old ones was exposed to all of them; to compare
# shares alone I would have to keep the number of steps equal. On the frontier I would look at the way with few old ones, but where the gate says that
# a skill was lost I would not ship it yet: first I would try the middle rate with a few old ones, and an adapter that can be switched off. Two skills
# are two of many; a gate sees what it asks, so I would ask the house for cases of its own before tomorrow. I had expected that more old conversations
# keep more.
