"""Pictures of fine-tuning: labels, LoRA, low rank, preferences, forgetting and rewards."""

from collections.abc import Sequence

import numpy as np

from adaptlab.course.pictures.sketch import (
    BLACK,
    EXTRA,
    GREY,
    PROMPT,
    SMALL,
    STORE,
    WEIGHTS,
    Sheet,
    chain,
    text_width,
)
from adaptlab.plots import Figure

LONGEST = 60  # characters of a token that are shown
IGNORED = "-100"  # the label of a token that the loss leaves out


def _shown(token: str) -> str:
    """Return a token with its white space made visible."""
    shown = token.replace("\n", "↵").replace("\t", "→").replace(" ", "␣") or "∅"
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def label_mask(tokens: Sequence[str], learned: Sequence[bool]) -> Figure:
    """Draw tokens in rows with their labels: -100 for the prompt, the token itself for the reply.

    `learned`: for each token, whether the loss counts it.

    Raises:
        ValueError: If there are no tokens, or not as many flags as tokens.
    """
    if not tokens or len(tokens) != len(learned):
        raise ValueError(
            f"There are {len(tokens)} tokens and {len(learned)} flags. Give one flag per token."
        )
    rows: list[list[tuple[float, float, str, bool]]] = [[]]
    end = 11.0
    for token, counts in zip(tokens, learned):
        label = _shown(token)
        width = max(text_width(label), text_width(IGNORED, SMALL)) + 2.4
        if rows[-1] and end + width > 98:
            rows.append([])
            end = 11.0
        rows[-1].append((end + width / 2, width, label, bool(counts)))
        end += width + 0.6
    height = 12.0 * len(rows) + 5
    sheet = Sheet(height)
    for row, placed in enumerate(rows):
        y = height - 8.5 - 12 * row
        sheet.text(9.5, y + 2.2, "token", GREY, SMALL, across="right")
        sheet.text(9.5, y - 2.6, "label", GREY, SMALL, across="right")
        for x, width, label, counts in placed:
            colour = WEIGHTS if counts else GREY
            sheet.box(x, y + 2.2, width, 4.6, label, colour, solid=counts)
            sheet.text(x, y - 2.6, label if counts else IGNORED, colour, SMALL, bold=counts)
    n_learned = sum(map(bool, learned))
    sheet.text(11, height - 2, "prompt: no loss", GREY, SMALL, across="left")
    sheet.text(30, height - 2, "reply: loss", WEIGHTS, SMALL, bold=True, across="left")
    reply = " ".join(_shown(token) for token, counts in zip(tokens, learned) if counts)
    return sheet.figure(
        f"{len(tokens)} tokens in a row, each with its label below.",
        f"The {len(tokens) - n_learned} prompt tokens are grey and have the label -100, so the loss"
        " leaves them out.",
        f"The {n_learned} reply tokens are coloured, and their label is the token itself"
        f" ({reply}).".replace(": ", " ").replace(";", ","),
    )


def lora(d: int = 1024, r: int = 8) -> Figure:
    """Draw a LoRA layer: the frozen weights W (d x d) next to the trained B (d x r), A (r x d)."""
    sheet = Sheet(50)
    x = sheet.box(8, 25, 10, 8, "input x\n(d)", GREY)
    frozen = sheet.box(46, 37, 22, 22, "W\n\nd × d\nfrozen", PROMPT, size=12)
    down = sheet.box(37, 11, 22, 5, "A   r × d", WEIGHTS, solid=True, bold=True)
    up = sheet.box(59, 11, 7, 20, "B\n\nd × r", WEIGHTS, solid=True, bold=True)
    total = sheet.box(77, 25, 6, 6, "+", GREY, size=14, bold=True)
    output = sheet.box(92, 25, 12, 8, "output h\n(d)", GREY)
    sheet.arrow(x.top, (8, 37), frozen.left, colour=PROMPT)
    sheet.arrow(x.bottom, (8, 11), down.left, colour=WEIGHTS)
    sheet.arrow(down.right, up.left, colour=WEIGHTS)
    sheet.arrow(frozen.right, (77, 37), total.top, colour=PROMPT)
    sheet.arrow(up.right, (77, 11), total.bottom, colour=WEIGHTS)
    sheet.arrow(total.right, output.left)
    sheet.text(37, 6, "random at the start", WEIGHTS, SMALL)
    sheet.text(64, 4, "zero at the start", WEIGHTS, SMALL, across="left")
    sheet.text(79, 11, "times α / r", WEIGHTS, SMALL, across="left")
    full, small = d * d, 2 * d * r
    sheet.text(79, 44, f"W: {full:,} weights", PROMPT, SMALL)
    sheet.text(79, 41, f"A and B: {small:,} ({small / full:.1%})", WEIGHTS, SMALL)
    sheet.text(79, 47, f"d = {d:,}, r = {r}", GREY, SMALL)
    sheet.text(90, 32.5, r"$h = Wx + \dfrac{\alpha}{r}\,BAx$", BLACK, 11, maths=True)
    return sheet.figure(
        "An input x takes two paths that are added to the output h = Wx + (α / r) BAx.",
        f"The upper path is the frozen square matrix W of {full:,} weights.",
        "The lower path is the flat matrix A, of r rows and d columns, and then the tall matrix B,"
        f" of d rows and r columns. Only these {small:,} weights are trained"
        f" ({small / full:.1%} of W for d = {d:,} and r = {r}).",
        "A is random and B is zero at the start, so the layer starts as W alone.",
    )


def rank_approximation() -> Figure:
    """Draw a matrix (8 x 8) as a sum of rank-one matrices, with the error of each partial sum.

    Eckart and Young (1936): the first k terms of the singular value decomposition are the best
    approximation of rank k.
    """
    random = np.random.default_rng(3)
    left, _ = np.linalg.qr(random.normal(size=(8, 8)))
    right, _ = np.linalg.qr(random.normal(size=(8, 8)))
    singular = np.array([4, 2, 1, 0.4, 0.2, 0.1, 0.05, 0.02])
    whole = left * singular @ right.T
    terms = [singular[k] * np.outer(left[:, k], right[:, k]) for k in range(3)]
    limit = float(np.abs(whole).max())
    sheet = Sheet(38)
    names = (
        r"$M$",
        r"$\sigma_1 u_1 v_1^\top$",
        r"$\sigma_2 u_2 v_2^\top$",
        r"$\sigma_3 u_3 v_3^\top$",
    )
    errors = np.sqrt(1 - np.cumsum(singular**2) / np.sum(singular**2))
    for i, (values, name) in enumerate(zip([whole, *terms], names)):
        x = 12 + 23.5 * i
        sheet.text(x, 35, name, BLACK, 12, maths=True)
        sheet.matrix(x, 22, 18, 18, values, limit)
        if i:
            sheet.text(x - 11.75, 22, "=" if i == 1 else "+", BLACK, 15)
            sheet.text(x, 5, f"rank {i}: {errors[i - 1]:.0%}\nis missing", GREY, SMALL)
    sheet.text(12, 5, "rank 8", GREY, SMALL)
    sheet.text(94.5, 22, "+ …", BLACK, 13)
    return sheet.figure(
        "A matrix of 8 rows and 8 columns as a sum of matrices of rank one, whose entries become"
        " paler from term to term.",
        f"After one term, {errors[0]:.0%} of the matrix is missing, after two terms"
        f" {errors[1]:.0%}, and after three terms {errors[2]:.0%}, measured in the Frobenius norm.",
    )


def preference_training() -> Figure:
    """Draw preference training by RLHF, with a reward model, next to DPO, without one."""
    sheet = Sheet(46)
    sheet.text(2, 43, "RLHF", PROMPT, 12, bold=True, across="left")
    sheet.text(2, 18, "DPO", WEIGHTS, 12, bold=True, across="left")
    pairs = sheet.box(36, 24, 22, 8, "preference pairs\nchosen, rejected", STORE)
    sheet.box(12, 37, 18, 8, "SFT model", GREY)
    reward = sheet.box(36, 37, 22, 8, "1. train a\nreward model", PROMPT)
    learner = sheet.box(65, 37, 26, 8, "2. RL: sample, score,\nupdate; KL to SFT", PROMPT)
    policy = sheet.box(91, 37, 14, 8, "policy", PROMPT, solid=True, bold=True)
    other = sheet.box(12, 9, 18, 8, "SFT model", GREY)
    direct = sheet.box(
        50,
        9,
        38,
        8,
        "1. train on the pairs directly:\nlog-ratios against the SFT model, β",
        WEIGHTS,
    )
    final = sheet.box(91, 9, 14, 8, "policy", WEIGHTS, solid=True, bold=True)
    sheet.arrow((21, 37), reward.left, colour=PROMPT)
    chain(sheet, [reward, learner, policy], PROMPT)
    chain(sheet, [other, direct, final], WEIGHTS)
    sheet.arrow(pairs.top, reward.bottom, colour=STORE)
    sheet.arrow(pairs.bottom, (36, 13), colour=STORE)
    sheet.arrow((12, 41), (12, 44.5), (65, 44.5), learner.top, colour=PROMPT)
    sheet.text(72, 22, "no reward model,\nno sampling in training", WEIGHTS, SMALL)
    return sheet.figure(
        "Above, RLHF has two steps after supervised fine-tuning (SFT). Preference pairs train a"
        " reward model, and reinforcement learning raises its score with a KL penalty that keeps"
        " the policy near the SFT model.",
        "Below, DPO has one step. The SFT model is trained on the same pairs directly, without a"
        " reward model and without sampling.",
    )


def forgetting() -> Figure:
    """Draw the loss valleys of an old and a new task from above, and where training leads."""
    sheet = Sheet(50)
    sheet.valley(33, 25, 50, 36, PROMPT)
    sheet.valley(67, 25, 50, 36, WEIGHTS)
    start, new = (31, 25), (72, 25)
    shared = (50, 21)
    sheet.arrow((32.3, 26), (70.8, 26.3), colour=WEIGHTS, bend=-0.25, width=2)
    sheet.arrow((32.3, 24), (48.9, 20.6), colour=STORE, bend=0.12, width=2)
    sheet.dot(*start, colour=PROMPT, size=11)
    sheet.dot(*new, colour=WEIGHTS, size=11)
    sheet.dot(*shared, colour=STORE, size=11)
    sheet.text(14, 46, "old task: low loss", PROMPT, bold=True)
    sheet.text(86, 46, "new task: low loss", WEIGHTS, bold=True)
    sheet.text(26, 25, "start", PROMPT, halo=True)
    sheet.text(51, 35, "plain fine-tuning", WEIGHTS, bold=True, halo=True)
    sheet.text(80, 25, "old task\nforgotten", WEIGHTS, halo=True)
    sheet.text(50, 15, "replay, or an anchor\n(KL, L2, LoRA)", STORE, bold=True, halo=True)
    sheet.text(50, 3, "Two weights span the plane; a darker place has a lower loss.", GREY, SMALL)
    return sheet.figure(
        "Two valleys of low loss seen from above, of the old task on the left and of the new task"
        " on the right. They overlap in the middle.",
        "Plain fine-tuning starts in the old valley and ends in the middle of the new one, outside"
        " of the old valley.",
        "With replay or an anchor, by KL, L2 or LoRA, training ends in the overlap, where the loss"
        " of both tasks is low.",
    )


def reward_loop(rewards: Sequence[float] = (1, 0, 1, 0)) -> Figure:
    """Draw training on checkable rewards: sampled replies, verifier, advantages, update.

    `rewards`: one for each sampled reply, at most 5; the advantage is the reward minus the mean of
    the other rewards, as in RLOO.

    Raises:
        ValueError: If there are fewer than 2 or more than 5 rewards.
    """
    if not 2 <= len(rewards) <= 5:
        raise ValueError(f"There are {len(rewards)} rewards. Give 2 to 5.")
    n_others = len(rewards) - 1
    advantages = [reward - (sum(rewards) - reward) / n_others for reward in rewards]
    sheet = Sheet(48)
    policy = sheet.box(25, 24, 13, 10, "policy", WEIGHTS, solid=True, bold=True)
    prompt = sheet.box(8, 24, 12, 8, "prompt", PROMPT)
    chain(sheet, [prompt, policy])
    titles = ((44, f"k = {len(rewards)} replies"), (62, "verifier"), (82, "advantage"))
    for x, title in titles:
        sheet.text(x, 45, title, GREY, bold=True)
    for i, (reward, advantage) in enumerate(zip(rewards, advantages)):
        y = 24 + 8 * ((len(rewards) - 1) / 2 - i)
        colour = STORE if advantage > 0 else EXTRA if advantage < 0 else GREY
        reply = sheet.box(44, y, 14, 5.5, f"reply {i + 1}", GREY)
        checked = sheet.box(62, y, 13, 5.5, f"reward {reward:g}", colour)
        scored = sheet.box(82, y, 13, 5.5, f"{advantage:+.2f}", colour, solid=True, bold=True)
        sheet.arrow(policy.right, reply.left)
        chain(sheet, [reply, checked, scored])
        sheet.line(scored.right, (93, y), (93, 3), colour=WEIGHTS, width=1.4)
    sheet.arrow((93, 3), (25, 3), policy.bottom, colour=WEIGHTS)
    sheet.text(60, 1.3, "update", WEIGHTS)
    listed = ", ".join(f"{advantage:+.2f}" for advantage in advantages)
    return sheet.figure(
        f"A policy samples {len(rewards)} replies to one prompt, and a verifier gives each a reward"
        f" ({', '.join(f'{reward:g}' for reward in rewards)}).",
        f"Each reward minus the mean of the others is the reply's advantage ({listed}).",
        "The update makes replies with positive advantages more likely, and the loop starts again.",
    )
