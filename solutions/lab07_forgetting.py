# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 07: what fine-tuning took away
#
# [Open in Colab](https://colab.research.google.com/github/adaptlab/adaptlab/blob/main/labs/lab07_forgetting.ipynb)
#
# **Takeaway: fine-tuning runs differ in what they teach and in what they keep. Measure both, on the
# same cases before and after, behind a gate.**
#
# After this lab you can
#
# - measure forgetting and transfer over several training stages;
# - mix old examples into new ones (replay), and test each change of a skill with a paired test;
# - write a gate that separates a real loss from chance and from a small change.
#
# At the end you fine-tune a small model in five ways, and choose by what it learned and by what it
# kept.
#
# **About 150 minutes, 20 points.** The core part takes about 75 minutes: exercises 2, 3, 7 and 8,
# with the main experiment. The optional exercises are for full points; every exercise counts as the
# table says.
#
# Work through lesson 07 first. Replace each `raise NotImplementedError()` by your answer, and keep
# the names of the functions. Run the check below each exercise as often as you like; its message
# names the problem. The grader uses the same checks with other inputs.
#
# Work on a copy of this notebook. Before you hand it in, run this command in a terminal in the
# course folder: `.venv/bin/adaptlab labs check COPY.ipynb`. It runs the whole notebook as the
# grader does, and reports which exercises pass. An error in the cell of an answer costs you that
# answer, so try things out in new cells. After a restart of the kernel, run all cells again from
# the first one.
#
# | exercise | points | lines | minutes | difficulty | part |
# |---|---|---|---|---|---|
# | 1 `measures` | 3 | 6 | 20 | medium | optional |
# | 2 `interleave` | 3 | 10 | 30 | hard | core |
# | 3 `paired` | 2 | 5 | 15 | medium | core |
# | 4 `verdicts` | 3 | 11 | 30 | hard | optional |
# | 5 `way_back` | 2 | 4 | 15 | easy | optional |
# | 6 `gate_order` | 2 | 1 | 10 | easy | optional |
# | 7 `frontier`, and the experiment | 2 | 4 | 15 | easy | core |
# | 8 in your own words | 3 | | 15 | medium | core |

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
# Three tasks are learned one after the other. Row i of the table is the model after stage i, in
# which task i was trained. Column j is the accuracy in task j. Follow the first column: the task is
# learned in stage 0 and is not trained after that.

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
# Such a table has three measures. **Forgetting** compares the end with the best accuracy that a
# task had. **Backward transfer** is the effect of later stages on a task, positive or negative.
# **Forward transfer** is the effect of earlier stages on a task before its own stage.
#
# The frame is given.
#
# <details><summary>Hint 1</summary>Each measure is a mean over all tasks except one. Which task
# must be left out, and why?</details>
#
# <details><summary>Hint 2</summary>Write the number of a single task j first, as in the worked
# example. Its own stage is <code>scores[j][j]</code>, and the last stage is
# <code>scores[-1][j]</code>.</details>
#
# <details><summary>Hint 3</summary>The best accuracy of task j is a maximum over the stages j to n
# - 2. For forward transfer, task j uses row j - 1 of the table and <code>start[j]</code>.</details>


# %% nbgrader={"grade": false, "grade_id": "measures", "locked": false, "schema_version": 3, "solution": true, "task": false}
def measures(start, scores):
    """Return a dict with "forgetting", "backward" and "forward", all floats.

    Args:
        start: a list of T shares, the accuracy in each task before any training.
        scores: T lists of T shares; scores[i][j] is the accuracy in task j after stage
            i, in which task i was trained. T is at least 2.

    - forgetting: the mean over all tasks except the last. For each task: its best share
      after any stage from its own to the last but one (both included), minus its share
      after the last stage.
    - backward: the mean, over the same tasks, of its share after the last stage minus
      its share after its own stage.
    - forward: the mean, over all tasks except the first, of its share after the stage
      before its own minus its share in `start`.
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
# ## 2 Old examples among new ones
#
# In the lesson, old conversations replaced new ones. Here we keep all new examples. The old
# examples (**replay**) are added and spread evenly, so that every part of the training has some.
# The order in which they are used is given, so the result is fixed.
#
# <details><summary>Hint 1</summary>Go through the new examples in blocks of n - k. After each block
# come its old examples. So the question is only how many, and which.</details>
#
# <details><summary>Hint 2</summary><code>itertools.cycle</code> repeats a list without end, and
# <code>next</code> takes one entry from it. What is the last block if all new examples fit into
# whole blocks?</details>
#
# <details><summary>Hint 3</summary>The rule for the last block also gives k for a full block, so
# one formula is enough. <code>math.ceil(a / b)</code> rounds up; with whole numbers, <code>-(-a //
# b)</code> rounds up exactly. <code>order</code> has indices: look them up in
# <code>old</code>.</details>


# %% nbgrader={"grade": false, "grade_id": "interleave", "locked": false, "schema_version": 3, "solution": true, "task": false}
def interleave(new, old, order, k, n):
    """Return old examples among new ones, as one list: of every n examples, k are old.

    Args:
        new, old: lists of examples.
        order: a list that has each index of `old` once.
        k, n: int.

    The result has blocks: n - k new examples in their order, then k old ones. The old
    examples are taken in the order of `order`. This continues from block to block, and
    begins again when all of them have been used. Every new example is in the result
    once. If the last block has only r < n - k new examples, it gets k · r / (n - k) old
    ones, rounded up. Without new examples the result is empty.

    Raises ValueError if not 0 <= k < n, and if k > 0 while `old` is empty.
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
# Most cases have the same result before and after training, and tell nothing about a change. The
# cases that changed are the evidence. If training changed nothing, each of them is as likely lost
# as won, like a fair coin (the exact **McNemar test**). The gate of the lesson tested for losses
# only. This test is two-sided, because a skill that was won is news, too.
#
# <details><summary>Hint 1</summary>Compare the two lists pair by pair, and count two kinds of
# pairs: 1 then 0, and 0 then 1. All four results follow from these counts.</details>
#
# <details><summary>Hint 2</summary><code>stats.binomtest(k, n).pvalue</code> is the two-sided,
# exact p-value of k heads in n throws of a fair coin. What are the throws here? With 0 throws there
# is no test.</details>


# %% nbgrader={"grade": false, "grade_id": "paired", "locked": false, "schema_version": 3, "solution": true, "task": false}
def paired(before, after):
    """Return a dict with "lost", "won" (int), "change" and "p" (float), for one skill.

    Args:
        before, after: two lists of equal length with 0 and 1, at least one entry:
            whether each case was correct, the same cases in the same order.

    - lost: the number of cases that were correct before and wrong after.
    - won: the number of cases that were wrong before and correct after.
    - change: the share of correct cases after, minus that share before.
    - p: the two-sided exact p-value of "a case that changed is as likely lost as won";
      1 if no case changed.
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
# If you test 7 skills at the level 5%, you find a loss by chance in about one third of all harmless
# training runs. Holm's correction keeps the error of the whole family at 5%. Here the skills have
# *weights*: if reading matters most to you, reading gets a larger part of the 5%. And a change that
# is statistically significant may still be too small to matter.
#
# <details><summary>Hint 1</summary>There are two separate steps: first which changes are shown, by
# p and weight. Only then look at the sizes of the changes.</details>
#
# <details><summary>Hint 2</summary>Sort the names by p / weight. Go through them with the sum of
# the weights that are left, and leave the loop at the first skill that does not pass.</details>
#
# <details><summary>Hint 3</summary>Start with "open" for every skill. The sum of the weights begins
# with all of them, and after a skill is shown, its weight is subtracted. A change of exactly margin
# or -margin is "small".</details>


# %% nbgrader={"grade": false, "grade_id": "verdicts", "locked": false, "schema_version": 3, "solution": true, "task": false}
def verdicts(found, weights, alpha, margin):
    """Return a dict with a verdict on each skill: "lost", "won", "small" or "open".

    Args:
        found: a dict from skills to dicts with "change" and "p", as `paired` returns
            them. It may be empty: then the result is empty, too.
        weights: a dict from the same skills to numbers above 0.
        alpha, margin: numbers.

    Weighted Holm: the skills are taken in the order of p / weight, the smallest first.
    A skill's change is shown if two conditions hold. First, p · (the sum of its weight
    and of the weights of all skills after it) / (its weight) is at most alpha. Second,
    all skills before it were shown.

    A change that is not shown is "open". A change that is shown is "lost" if it is
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
# ## 5 Forgotten or only suppressed?
#
# After fine-tuning, a few old conversations show what is left of a skill. If they bring back most
# of the loss, the skill was only suppressed. How many old conversations does this take?


# %% nbgrader={"grade": false, "grade_id": "way_back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def way_back(before, tuned, curve, least, part):
    """Return how many old examples bring a skill back.

    Args:
        before, tuned: the accuracy of the skill before and after a fine-tuning run.
        curve: a list of [number of old examples, accuracy after those], in any order,
            maybe empty.
        least, part: numbers above 0.

    Returns:
        The smallest number of examples that brings the skill back (int), or "kept", or
        "gone".

    The loss is before - tuned. If the loss is below `least`, the result is "kept". A
    number of examples brings the skill back if what it adds to `tuned` is at least
    `part` times the loss. If no number on the curve does this, the result is "gone".
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
# These lines train a model behind a gate, but they are not in order. `fine_tune` makes a copy and
# does not change the base. If you choose limits after you know the results, you can choose them so
# that anything passes. Give an order that works, as a string of the eight letters.
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
    """Return the order of the lines, a string of eight letters."""
    # BEGIN SOLUTION
    return "CGEDAHBF"
    # END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_gate_order", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.lab07.gate_order(gate_order)

# %% [markdown]
# ## 7 The frontier
#
# One fine-tuning run learns more, another keeps more. Without a goal you cannot rank them. But you
# can always remove a run if another run is better in one number and not worse in the other. The
# remaining runs are the **Pareto frontier**.


# %% nbgrader={"grade": false, "grade_id": "frontier", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frontier(arms):
    """Return the names of the variants that no other variant beats, as a list in the
    given order.

    Args:
        arms: a list of variants: dicts with "name" (text), "learned" and "kept"
            (numbers, more is better), maybe empty.

    A variant beats another if it is at least as good in both numbers and better in at
    least one. Variants with the same two numbers do not beat each other.
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
# Below, the small chat model learns to send reviews to eight desks, by full fine-tuning on 320
# reviews. There are five variants. Three have no old conversations: a high, a middle and a low
# learning rate. The other two have the high learning rate, and 1 or 4 old conversations in every 12
# examples, mixed in by your `interleave`. We measure two old skills: the facts that the model knows
# by heart, and the tones that a system prompt asks for.
#
# Look only at variants that learn the desks with an accuracy of at least 90%. Which of these keeps
# most of the two skills? Choose one of the options before you run the next cell.
#
# If you skipped exercise 4, the lines show the p-value of each skill in place of the verdict.

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
# The learning rate, and how many of 12 examples are old.
settings = dict(zip(options, [(2e-3, 0), (2e-3, 1), (2e-3, 4), (1e-3, 0), (2e-4, 0)]))
new = [conversation(case) for case in train_cases("desk", 320, seed=0)]
old = old_conversations(240, seed=0)
asked = test_cases("desk", 100, seed=0)
before = {skill: measure_skill(chat, skill, N_CASES, seed=1) for skill in SKILLS}
mean = lambda values: sum(values) / len(values)  # noqa: E731
print("before:", {skill: round(mean(hits), 3) for skill, hits in before.items()})


# %%
def judgement(found):
    """Return the gate's verdict on each skill; without exercise 4, its p-value."""
    try:
        return verdicts(found, WEIGHTS, alpha=0.05, margin=0.02)
    except NotImplementedError:
        return {skill: f"p = {one['p']:.3f}" for skill, one in found.items()}


variants = []
judgements = {}
for name, (rate, k) in settings.items():
    mixed = interleave(new, old, list(range(len(old))), k, 12)
    tuned = fine_tune(
        chat, mixed, Options(method="full", learning_rate=rate, batch_size=8, seed=0)
    )
    after = {skill: measure_skill(tuned, skill, N_CASES, seed=1) for skill in SKILLS}
    learned = mean(judged(tuned, "desk", asked))
    variants.append(
        {
            "name": name,
            "learned": learned,
            "kept": mean([mean(hits) for hits in after.values()]),
        }
    )
    judgements[name] = judgement(
        {skill: paired(before[skill], after[skill]) for skill in SKILLS}
    )
    print(
        f"{name}, {len(mixed)} examples: desks {learned:.2f},",
        {
            skill: f"{mean(after[skill]):.2f}, {judgements[name][skill]}"
            for skill in SKILLS
        },
    )

# %%
print("on the frontier:", frontier(variants))
measured = max(
    (one for one in variants if one["learned"] >= 0.9), key=lambda one: one["kept"]
)["name"]
print(
    f"of the variants with accuracy >= 90%, {measured} keeps most; your prediction:"
    f" {prediction}; the gate on it: {judgements[measured]}"
)
plots.scatter(
    "Learned and kept",
    "accuracy in the desks",
    "mean accuracy in two old skills",
    [(one["learned"], one["kept"]) for one in variants],
    options,
)

# %% [markdown]
# ## 8 In your own words
#
# Your team needs the desks by tomorrow, and nobody can say what else the model is used for. Use the
# figure and the verdicts to answer in five to eight sentences:
#
# - Which of the five variants would you ship, or would you ship none of them?
# - What did a few old conversations do, and why did more of them do what they did here?
# - What can two skills tell you about all other skills?
# - Which part of your prediction was correct, which was not, and why?
#
# *A person marks this. 1 point: a decision that the frontier and the gate support. 1 point: an
# explanation of the variants with old conversations that considers their numbers of steps. 1 point:
# what was not measured.*

# %% [markdown] nbgrader={"grade": true, "grade_id": "explanation", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# With the high learning rate alone, the model learns the desks and loses most of the two old
# skills. A few old conversations among the new ones keep most of both. They do not teach new
# content; they are replay that keeps other questions in the training data.
#
# More old conversations were added to the new examples, so this run had more steps at the high
# learning rate. Each fact that is not among the old examples was exposed to all of these steps. To
# compare the shares alone, I would have to keep the number of steps equal.
#
# On the frontier I would look at the variant with few old conversations. But if the gate says that
# a skill was lost, I would not ship it yet. First I would try the middle learning rate with a few
# old conversations, and an adapter that can be switched off. Two skills are only two of many, and a
# gate sees only what it tests. So I would ask the team for cases of its own before tomorrow. I had
# expected that more old conversations keep more.
