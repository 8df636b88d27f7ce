"""Lab 06: the likelihood of a reply, two losses on pairs, what a training did, a judge's bias, and the best of n."""

import math

import numpy as np
import torch

from adaptlab.grading.exercise import Exercise, Parsons, wrong


def tensor(values) -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32)


def picked(logits, ids, shift: int = 1, dim: int = -1) -> torch.Tensor:
    """Log-probabilities of the tokens from place 1 on, (B, T - 1), by the logits that stand `shift` places before them."""
    logp = logits.log_softmax(dim)
    stand = torch.roll(logp, shift, dims=1)[:, 1:]
    return stand.gather(-1, ids[:, 1:, None])[..., 0]


def summed(logp, counted) -> tuple[torch.Tensor, torch.Tensor]:
    return (logp * counted).sum(1), counted.sum(1)


class completion_logp(Exercise):
    """Σ log p over the masked tokens of a row, each by the logits one place before it."""

    def draw(rng):
        b, t, v = int(rng.integers(2, 5)), int(rng.integers(6, 9)), int(rng.integers(10, 13))
        mask = np.zeros((b, t), bool)
        for row in mask:
            start = int(rng.integers(0, t - 2))
            row[start : start + int(rng.integers(2, t - start + 1))] = True
            if rng.random() < 0.3:
                row[int(rng.integers(1, t))] ^= True
        mask[0, :2], mask[-1, -1] = True, False
        return tensor(2 * rng.normal(size=(b, t, v))), torch.from_numpy(rng.integers(0, v, size=(b, t))), torch.from_numpy(mask)

    def edges():
        rng = np.random.default_rng(0)
        logits, ids = tensor(3 * rng.normal(size=(3, 5, 8))), torch.from_numpy(rng.integers(0, 8, size=(3, 5)))
        masks = ([[0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]], [[1, 1, 1, 1, 1], [0, 0, 0, 0, 1], [0, 1, 0, 0, 1]])
        alone = logits[:1, :1], ids[:1, :1], torch.ones(1, 1, dtype=torch.bool)
        return [*((logits, ids, torch.tensor(mask, dtype=torch.bool)) for mask in masks), alone]

    def right(logits, ids, mask):
        return summed(picked(logits, ids), mask[:, 1:])

    @wrong("You read a token's probability at its own place. The logits there are about the next token: the ones for token t stand at place t - 1.")
    def unshifted(logits, ids, mask):
        return summed(picked(logits, ids, shift=0), mask[:, 1:])

    @wrong("You shift the wrong way: the logits behind a token have already read it. Those that predict it stand one place before.")
    def shifted_back(logits, ids, mask):
        return summed(picked(logits, ids, shift=-1), mask[:, 1:])

    @wrong("You shifted the tokens and not the mask, so the mask is one place off: the last token of the reply is lost, or one of the prompt comes in.")
    def mask_unshifted(logits, ids, mask):
        return summed(picked(logits, ids), mask[:, :-1])

    @wrong("You take the mean over the tokens. The log-probability of a reply is their sum; whoever wants the mean has the count beside it.")
    def mean(logits, ids, mask):
        total, n = completion_logp.right(logits, ids, mask)
        return total / n.clamp(min=1), n

    @wrong("You sum over the whole row. The prompt was not written by the model, and what fills a row up by nobody: only masked tokens count.")
    def whole_row(logits, ids, mask):
        return summed(picked(logits, ids), torch.ones_like(mask[:, 1:]))

    @wrong("You sum probabilities. The probability of a reply is a product, so it is their logarithms that are summed.")
    def probabilities(logits, ids, mask):
        return summed(picked(logits, ids).exp(), mask[:, 1:])

    @wrong("You sum logits as they come. They are no logarithms of probabilities before a log-softmax over the vocabulary.")
    def raw_logits(logits, ids, mask):
        return summed(logits[:, :-1].gather(-1, ids[:, 1:, None])[..., 0], mask[:, 1:])

    @wrong("Your softmax goes over the places. It goes over the vocabulary, the last dimension: at each place the probabilities of all tokens add up to 1.")
    def over_places(logits, ids, mask):
        return summed(picked(logits, ids, dim=1), mask[:, 1:])

    @wrong("The sign is turned round: that is the loss. A log-probability is 0 or below.")
    def negated(logits, ids, mask):
        total, n = completion_logp.right(logits, ids, mask)
        return -total, n

    @wrong("You count the token at place 0 where it is masked. Nothing predicts it, and it is not in the sum.")
    def first_counted(logits, ids, mask):
        return completion_logp.right(logits, ids, mask)[0], mask.sum(1)

    @wrong("Your count is that of all places. It is the number of tokens that were summed.")
    def all_counted(logits, ids, mask):
        total, n = completion_logp.right(logits, ids, mask)
        return total, torch.full_like(n, ids.shape[1] - 1)


def softplus(z: torch.Tensor) -> torch.Tensor:
    """-log(logistic(-z)), for any z."""
    return torch.nn.functional.softplus(z)


def mixed(reward, doubt: float) -> torch.Tensor:
    """The loss of a pair whose label is wrong with this probability."""
    return (1 - doubt) * softplus(-reward) + doubt * softplus(reward)


def margin(chosen, rejected, reference_chosen, reference_rejected) -> torch.Tensor:
    return (chosen - reference_chosen) - (rejected - reference_rejected)


def reply_logps(rng: np.random.Generator, n: int, scale: float = 8.0) -> list[torch.Tensor]:
    """Four lists of log-probabilities in quarters, so that sums and differences are exact: chosen, rejected, and the same under the reference."""
    before = -rng.integers(4, 120, size=(2, n)) / 4
    now = np.minimum(before + np.round(rng.normal(size=(2, n)) * scale) / 4, -0.25)
    return [tensor(row) for row in (*now, *before)]


class Overflowing:
    """A result that is infinite somewhere is told from others by where, and by the rest: beside infinity no number would count."""

    @classmethod
    def same(cls, expected, got):
        where = np.isinf(expected) if isinstance(expected, np.ndarray) else np.zeros(0, bool)
        if not where.any():
            return super().same(expected, got)
        alike = isinstance(got, np.ndarray) and got.shape == expected.shape and (np.isinf(got) == where).all()
        return bool(alike) and super().same(expected[~where], got[~where])


class doubtful_loss(Overflowing, Exercise):
    """(1 - doubt) · -log σ(β m) + doubt · -log σ(-β m)."""

    def draw(rng):
        return *reply_logps(rng, int(rng.integers(3, 8)), 16.0), float(rng.choice([0.1, 0.5, 2.0])), float(rng.choice([0.0, 0.125, 0.25, 0.4]))

    def edges():
        low, high, same = tensor([-9000.0, -3.0]), tensor([-5.0, -8000.0]), tensor([-5.0, -6.0])
        plain = [tensor(row) for row in ([-7.0, -12.5, -3.0], [-10.0, -15.5, -9.0], [-8.0, -12.5, -3.5], [-9.0, -15.5, -4.0])]
        return [
            (*plain, 0.5, 0.25),
            (*plain, 0.5, 0.0),
            (low, high, same, same, 0.5, 0.1),
            (high, low, same, same, 2.0, 0.1),
            (same, same, same, same, 0.1, 0.5),
        ]

    def right(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(beta * margin(chosen, rejected, reference_chosen, reference_rejected), doubt)

    @wrong("The reference is missing. The margin asks how much likelier each reply became, not how likely it is.")
    def no_reference(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(beta * (chosen - rejected), doubt)

    @wrong("The reference is added. Its log-probabilities are taken off: a gain is what the model says now minus what the reference says.")
    def reference_added(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(beta * margin(chosen, rejected, -reference_chosen, -reference_rejected), doubt)

    @wrong("Chosen and rejected, or the weights 1 - doubt and doubt, are the wrong way round: the loss has to be small where the chosen reply gained more.")
    def swapped(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(-beta * margin(chosen, rejected, reference_chosen, reference_rejected), doubt)

    @wrong("That is one number for all pairs. The loss of each pair is asked for; a mean comes later, where it is trained on.")
    def averaged(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return doubtful_loss.right(chosen, rejected, reference_chosen, reference_rejected, beta, doubt).mean()

    @wrong("Beta is missing: it multiplies the margin.")
    def no_beta(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(margin(chosen, rejected, reference_chosen, reference_rejected), doubt)

    @wrong("Beta multiplies the model's part of the margin alone. The reference's has to be on the same scale: it multiplies the whole.")
    def beta_on_the_model(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(margin(beta * chosen, beta * rejected, reference_chosen, reference_rejected), doubt)

    @wrong("Every label is believed: the part with the weight doubt, for the label turned round, is missing.")
    def no_doubt(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(beta * margin(chosen, rejected, reference_chosen, reference_rejected), 0.0)

    @wrong("You mix the margins and take one loss of that. It is the two losses that are mixed: they are not straight lines.")
    def doubt_in_the_margin(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed((1 - 2 * doubt) * beta * margin(chosen, rejected, reference_chosen, reference_rejected), 0.0)

    @wrong("You scale the loss by 1 - doubt, and that is all. The label turned round has a loss of its own.")
    def scaled_down(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return (1 - doubt) * softplus(-beta * margin(chosen, rejected, reference_chosen, reference_rejected))

    @wrong("The logarithm is missing: that is the probability that the label is wrong, which hardly grows where a pair is very wrong.")
    def no_logarithm(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        reward = beta * margin(chosen, rejected, reference_chosen, reference_rejected)
        return (1 - doubt) * torch.sigmoid(-reward) + doubt * torch.sigmoid(reward)

    @wrong("With a large margin the result is infinite: the logistic function has become exactly 0 before the logarithm. Use one that does both in one step.")
    def overflows(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        reward = beta * margin(chosen, rejected, reference_chosen, reference_rejected)
        return -(1 - doubt) * torch.sigmoid(reward).log() - doubt * torch.sigmoid(-reward).log()


class per_token_loss(Overflowing, Exercise):
    """-log σ(β · (mean by the token of the chosen - that of the rejected) - target)."""

    def draw(rng):
        n = int(rng.integers(3, 8))
        chosen, rejected, *_ = reply_logps(rng, n)
        lengths = rng.permutation(np.arange(1, 25))[: 2 * n].reshape(2, n)
        return chosen, rejected, *(torch.from_numpy(row) for row in lengths), float(rng.choice([0.5, 2.0, 3.0])), float(rng.choice([0.0, 0.4, 1.0, 1.5]))

    def edges():
        one = torch.tensor([1, 2])
        return [
            (tensor([-6.0, -20.0, -9.0]), tensor([-9.0, -10.0, -9.0]), torch.tensor([3, 10, 6]), torch.tensor([3, 4, 3]), 2.0, 1.0),
            (tensor([-6.0, -20.0]), tensor([-9.0, -10.0]), one, one, 2.0, 0.0),
            (tensor([-9000.0, -3.0]), tensor([-4.0, -7000.0]), one, one.flip(0), 2.0, 0.5),
        ]

    def right(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen / n_chosen - rejected / n_rejected))

    @wrong("You compare sums. A long reply has a low sum whatever it says: divide each by its own number of tokens.")
    def sums(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen - rejected))

    @wrong("You divide both sums by the length of the chosen reply. Each has its own length.")
    def one_length(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen - rejected) / n_chosen)

    @wrong("You divide the difference of the sums by all tokens. A mean by the token belongs to one reply; the two means are compared.")
    def all_tokens(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen - rejected) / (n_chosen + n_rejected))

    @wrong("You multiply by the numbers of tokens. That makes length count twice; divide.")
    def multiplied(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen * n_chosen - rejected * n_rejected))

    @wrong("The target is added to the lead. It has to be reached, so it is taken off: a pair that is only just ahead should still cost something.")
    def target_added(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, beta, -target)

    @wrong("The target is missing.")
    def no_target(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, beta, 0.0)

    @wrong("Beta multiplies the target, too. Here it multiplies the lead alone.")
    def target_times_beta(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, beta, beta * target)

    @wrong("Beta is missing: it multiplies the lead.")
    def no_beta(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, 1.0, target)

    @wrong("Chosen and rejected are the wrong way round: the loss has to be small where the chosen reply leads.")
    def swapped(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(rejected, chosen, n_rejected, n_chosen, beta, target)

    @wrong("That is one number for all pairs. The loss of each pair is asked for.")
    def averaged(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, beta, target).mean()

    @wrong("The logarithm is missing: that is a probability.")
    def no_logarithm(chosen, rejected, n_chosen, n_rejected, beta, target):
        return torch.sigmoid(target - beta * (chosen / n_chosen - rejected / n_rejected))

    @wrong("With a large lead the result is infinite: the logistic function has become exactly 0 before the logarithm. Use one that does both in one step.")
    def overflows(chosen, rejected, n_chosen, n_rejected, beta, target):
        return -torch.sigmoid(beta * (chosen / n_chosen - rejected / n_rejected) - target).log()


def report(up, down, beta) -> dict[str, float]:
    """What `reward_report` returns, from the gains of the chosen and of the rejected replies."""
    ahead, level = up > down, up == down
    return {
        "margin": float(beta * (up - down).mean()),
        "accuracy": float((ahead + 0.5 * level).mean()),
        "chosen fell": float((up < 0).float().mean()),
        "won by falling": float(((up < 0) & (down < 0) & ahead).float().mean()),
    }


class reward_report(Exercise):
    """The mean margin of rewards, how often the chosen reply is ahead, and how often both became less likely."""

    def draw(rng):
        chosen, rejected, *reference = reply_logps(rng, int(rng.integers(6, 14)), float(rng.choice([3, 6])))
        level = int(rng.integers(0, 3))  # so many pairs that stand level
        rejected[:level] = reference[1][:level] + chosen[:level] - reference[0][:level]
        return chosen, rejected, *reference, float(rng.choice([0.1, 0.5, 2.0]))

    def edges():
        chosen, rejected = tensor([-5.0, -9.0, -3.0, -8.0, -4.0, -6.0]), tensor([-9.0, -12.0, -3.0, -6.0, -2.0, -7.0])
        before = tensor([-6.0, -7.0, -3.0, -7.0, -4.5, -6.0]), tensor([-7.0, -8.0, -3.0, -7.0, -4.0, -7.0])
        return [(chosen, rejected, *before, 0.1), (chosen, rejected, chosen, rejected, 0.5), (chosen[:1], rejected[:1], rejected[:1], chosen[:1], 2.0),
                (tensor([-9.0]), tensor([-30.0]), tensor([-6.0]), tensor([-7.0]), 0.1)]  # fmt: skip

    def right(chosen, rejected, reference_chosen, reference_rejected, beta):
        return report(chosen - reference_chosen, rejected - reference_rejected, beta)

    @wrong("Your accuracy asks which reply is likelier under the model. It asks which has the higher reward, so which one gained more on the reference.")
    def by_likelihood(chosen, rejected, reference_chosen, reference_rejected, beta):
        plain = report(chosen, rejected, beta)
        return reward_report.right(chosen, rejected, reference_chosen, reference_rejected, beta) | {"accuracy": plain["accuracy"]}

    @wrong("The reference is missing from your margin: a reward is what a reply gained on the reference.")
    def margin_of_likelihoods(chosen, rejected, reference_chosen, reference_rejected, beta):
        told = reward_report.right(chosen, rejected, reference_chosen, reference_rejected, beta)
        return told | {"margin": float(beta * (chosen - rejected).mean())}

    @wrong("Beta is missing from the margin.")
    def no_beta(chosen, rejected, reference_chosen, reference_rejected, beta):
        return report(chosen - reference_chosen, rejected - reference_rejected, 1.0)

    @wrong("Your margin is a sum. It is the mean over the pairs.")
    def summed(chosen, rejected, reference_chosen, reference_rejected, beta):
        told = reward_report.right(chosen, rejected, reference_chosen, reference_rejected, beta)
        return told | {"margin": told["margin"] * len(chosen)}

    @wrong("A pair with equal rewards counts as right for you. A model that never changed would then be right about everything; it counts half.")
    def level_is_right(chosen, rejected, reference_chosen, reference_rejected, beta):
        up, down = chosen - reference_chosen, rejected - reference_rejected
        return report(up, down, beta) | {"accuracy": float((up >= down).float().mean())}

    @wrong("A pair with equal rewards counts as wrong for you. It counts half: a model that does not tell the two replies apart has an accuracy of one half.")
    def level_is_wrong(chosen, rejected, reference_chosen, reference_rejected, beta):
        up, down = chosen - reference_chosen, rejected - reference_rejected
        return report(up, down, beta) | {"accuracy": float((up > down).float().mean())}

    @wrong(
        "For you a chosen reply fell where it lies behind the rejected one. It fell where it is less likely than under the reference, whatever the other did."
    )
    def fell_behind(chosen, rejected, reference_chosen, reference_rejected, beta):
        up, down = chosen - reference_chosen, rejected - reference_rejected
        return report(up, down, beta) | {"chosen fell": float((up < down).float().mean())}

    @wrong("A reply with a gain of exactly 0 did not fall.")
    def level_fell(chosen, rejected, reference_chosen, reference_rejected, beta):
        up, down = chosen - reference_chosen, rejected - reference_rejected
        return report(up, down, beta) | {"chosen fell": float((up <= 0).float().mean())}

    @wrong("You count every pair in which both replies fell. `won by falling` needs the chosen reply ahead as well.")
    def both_fell(chosen, rejected, reference_chosen, reference_rejected, beta):
        up, down = chosen - reference_chosen, rejected - reference_rejected
        return report(up, down, beta) | {"won by falling": float(((up < 0) & (down < 0)).float().mean())}

    @wrong("You count every pair that is ahead though the chosen reply fell, or in which only the rejected one did. Both gains have to be below 0.")
    def rejected_fell(chosen, rejected, reference_chosen, reference_rejected, beta):
        up, down = chosen - reference_chosen, rejected - reference_rejected
        return report(up, down, beta) | {"won by falling": float(((down < 0) & (up > down)).float().mean())}

    @wrong("You divide `won by falling` by the pairs that were won. It is a share of all pairs.")
    def of_those_won(chosen, rejected, reference_chosen, reference_rejected, beta):
        up, down = chosen - reference_chosen, rejected - reference_rejected
        told, ahead = report(up, down, beta), int((up > down).sum())
        return told | {"won by falling": told["won by falling"] * len(up) / ahead if ahead else 0.0}


def counted(verdict) -> float:
    """1 for the new reply, 0 for the old one, by two verdicts that agree; else one half."""
    return {("A", "B"): 1.0, ("B", "A"): 0.0}.get(tuple(verdict), 0.5)


def average(values) -> float:
    return sum(values) / len(values)


def told(verdicts, new_words, old_words, count=counted, consistent=lambda pair: counted(pair) != 0.5, longer=None, shorter=None) -> dict:
    """What `judge_report` returns; the misconceptions count a comparison otherwise (None leaves it out), or group by length otherwise."""
    counts = [count(pair) for pair in verdicts]
    groups = []
    for test in (longer or (lambda new, old: new > old), shorter or (lambda new, old: new < old)):
        groups.append([value for value, new, old in zip(counts, new_words, old_words) if test(new, old) and value is not None])
    kept, said = [value for value in counts if value is not None], [text for pair in verdicts for text in pair]
    return {
        "said A": said.count("A") / len(said),
        "consistent": average([consistent(pair) for pair in verdicts]),
        "win rate": average(kept) if kept else 0.5,
        "at balanced lengths": average([average(group) for group in groups]) if all(groups) else None,
    }


class judge_report(Exercise):
    """How often a judge says A, agrees with itself, and prefers the new reply, over all comparisons and at balanced lengths."""

    n_draws = 30

    def draw(rng):
        n = int(rng.integers(6, 14))
        pairs = [("A", "B"), ("B", "A"), ("A", "A"), ("B", "B"), ("tie", "A"), ("B", "tie"), ("tie", "tie")]
        verdicts = [list(pairs[i]) for i in rng.choice(7, size=n, p=[0.35, 0.2, 0.2, 0.1, 0.05, 0.05, 0.05])]
        old = rng.integers(3, 9, size=n)
        new = old + rng.choice([-2, -1, 0, 0, 1, 3, 5], size=n)
        return verdicts, [int(x) for x in new], [int(x) for x in old]

    def edges():
        mixed = [["A", "B"], ["A", "A"], ["B", "A"], ["B", "B"], ["A", "B"], ["tie", "A"], ["A", "Both"]]
        return [
            (mixed, [9, 9, 4, 8, 3, 5, 6], [5, 5, 5, 5, 5, 5, 5]),
            (mixed[:2], [9, 9], [5, 5]),
            ([["A", "A"], ["A", "A"]], [3, 8], [5, 5]),
            ([["B", "A"]], [5], [5]),
            ([["", ""]], [6], [5]),
            ([["A", "B"], ["B", "A"], ["A", "B"], ["A", "B"]], [9, 2, 5, 8], [5, 5, 5, 5]),
        ]

    def right(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words)

    @wrong("You take the same letter twice for agreement. With the places changed, the same letter is the *other* reply: such a judge goes by the place.")
    def same_letter(verdicts, new_words, old_words):
        def count(pair):
            return {("A", "A"): 1.0, ("B", "B"): 0.0}.get(tuple(pair), 0.5)

        return told(verdicts, new_words, old_words, count, lambda pair: count(pair) != 0.5)

    @wrong("Comparisons that are not consistent are left out of your win rate. Each counts one half: else a judge who is seldom sure decides on a few.")
    def left_out(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, lambda pair: counted(pair) if counted(pair) != 0.5 else None)

    @wrong("Your win rate is that of the first order alone, so the place decides with the judge. Both orders have to say so.")
    def first_order(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, lambda pair: {"A": 1.0, "B": 0.0}.get(pair[0], 0.5))

    @wrong("A comparison that is not consistent counts as lost for you. It counts one half.")
    def lost_if_undecided(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, lambda pair: float(counted(pair) == 1))

    @wrong("You asked how often A was said in both orders as if the new reply always stood there. In the second order it stands in place B.")
    def never_turned(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, lambda pair: average([{"A": 1.0, "B": 0.0}.get(text, 0.5) for text in pair]))

    @wrong("A text other than A or B passes for a choice of B. It chooses nothing, so that comparison is not consistent.")
    def else_is_b(verdicts, new_words, old_words):
        def read(pair):
            return tuple("A" if text == "A" else "B" for text in pair)

        return told(verdicts, new_words, old_words, lambda pair: counted(read(pair)), lambda pair: counted(read(pair)) != 0.5)

    @wrong("You take two verdicts without a choice for consistent. They agree about nothing.")
    def nothing_twice(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, consistent=lambda pair: counted(pair) != 0.5 or (pair[0] == pair[1] and pair[0] not in ("A", "B")))

    @wrong("Your `said A` looks at the first order alone. It is the share of all 2n verdicts.")
    def said_in_the_first_order(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words) | {"said A": average([pair[0] == "A" for pair in verdicts])}

    @wrong("You divide `said A` by the verdicts that chose. It is the share of all 2n verdicts, those without a choice among them.")
    def of_those_that_chose(verdicts, new_words, old_words):
        said = [text for pair in verdicts for text in pair if text in ("A", "B")]
        return told(verdicts, new_words, old_words) | {"said A": said.count("A") / len(said) if said else 0.0}

    @wrong("You put the longer and the shorter ones into one heap. Then the larger group decides; each group has a win rate, and these two are averaged.")
    def one_heap(verdicts, new_words, old_words):
        report = told(verdicts, new_words, old_words)
        unequal = [counted(pair) for pair, new, old in zip(verdicts, new_words, old_words) if new != old]
        return report | {"at balanced lengths": average(unequal) if report["at balanced lengths"] is not None else None}

    @wrong("Comparisons with equal numbers of words are in one of your groups. They are in neither.")
    def equal_is_shorter(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, shorter=lambda new, old: new <= old)

    @wrong("Comparisons with equal numbers of words count among the longer ones for you. They are in neither group.")
    def equal_is_longer(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, longer=lambda new, old: new >= old)

    @wrong("Where one group is empty you give the other's win rate. Then the lengths are not balanced at all, and the result is None.")
    def one_group_will_do(verdicts, new_words, old_words):
        report = told(verdicts, new_words, old_words)
        groups = [[counted(p) for p, new, old in zip(verdicts, new_words, old_words) if sign * (new - old) > 0] for sign in (1, -1)]
        there = [average(group) for group in groups if group]
        return report | {"at balanced lengths": average(there) if there else None}


def divergence(n: int) -> float:
    return math.log(n) - (n - 1) / n


class best_of_n(Exercise):
    """The mean highest reward over all sets of n of the N replies, and log n - (n - 1) / n."""

    def draw(rng):
        size = int(rng.integers(4, 9))
        rewards = rng.permutation([float(x) for x in rng.choice([-1.5, -0.5, 0.0, 0.25, 0.25, 0.5, 1.0, 1.0, 2.0, 3.5], size=size)])
        return [float(x) for x in rewards], int(rng.integers(1, size + 1))

    def edges():
        rewards = [0.25, 1.0, 0.5, 0.0, 0.75, 0.5]
        return [
            (rewards, 2),
            (rewards, 3),
            (rewards, 1),
            (rewards, 6),
            ([2.0], 1),
            ([1.0, 1.0, 1.0], 2),
            ([-3.0, -1.0, -2.0], 2),
            ([k / 16 for k in range(20)], 10),
        ]

    def right(rewards, n):
        ordered = sorted(rewards)
        return sum(reward * math.comb(i, n - 1) for i, reward in enumerate(ordered)) / math.comb(len(rewards), n), divergence(n)

    @wrong("That is the best of all N. With n draws one does not always meet it.")
    def best_of_all(rewards, n):
        return max(rewards), divergence(n)

    @wrong("That is the best of the first n. It is one set out of many, and its luck is part of the result: take the mean over all sets.")
    def first_n(rewards, n):
        return max(rewards[:n]), divergence(n)

    @wrong("You cut the list into blocks of n and take the mean of their best. That uses a few of the sets only, and hangs on the order of the list.")
    def blocks(rewards, n):
        return average([max(rewards[i : i + n]) for i in range(0, len(rewards) - n + 1, n)]), divergence(n)

    @wrong("You draw with replacement, so that the same reply may be in a set twice, and the best is worse than it should be.")
    def with_replacement(rewards, n):
        ordered, size = sorted(rewards), len(rewards)
        return sum(reward * (((i + 1) / size) ** n - (i / size) ** n) for i, reward in enumerate(ordered)), divergence(n)

    @wrong("That is the mean reward, or that of the best of one. Of each set only the best counts.")
    def mean(rewards, n):
        return average(rewards), divergence(n)

    @wrong("You take the mean of the n best replies. Nobody knows beforehand which they are.")
    def mean_of_the_best(rewards, n):
        return average(sorted(rewards)[-n:]), divergence(n)

    @wrong("Your sets are weighted from the wrong end: sorted from the highest down, that is the mean of the *worst* in each set.")
    def worst(rewards, n):
        ordered = sorted(rewards, reverse=True)
        return sum(reward * math.comb(i, n - 1) for i, reward in enumerate(ordered)) / math.comb(len(rewards), n), divergence(n)

    @wrong("The rewards are not sorted: the number of replies below one hangs on its rank, not on its place in the list.")
    def unsorted(rewards, n):
        return sum(reward * math.comb(i, n - 1) for i, reward in enumerate(rewards)) / math.comb(len(rewards), n), divergence(n)

    @wrong("You count equal rewards once. They are different replies, and two of a kind are met more often.")
    def equals_once(rewards, n):
        ordered = sorted(set(rewards))
        m = min(n, len(ordered))
        return sum(reward * math.comb(i, m - 1) for i, reward in enumerate(ordered)) / math.comb(len(ordered), m), divergence(n)

    @wrong("Your divergence is log n. Keeping the best does not always choose the same reply, and that takes (n - 1) / n off.")
    def log_alone(rewards, n):
        return best_of_n.right(rewards, n)[0], math.log(n)

    @wrong("Your divergence is in bits. A nat is by the natural logarithm.")
    def in_bits(rewards, n):
        return best_of_n.right(rewards, n)[0], math.log2(n) - (n - 1) / n

    @wrong("Your divergence depends on N, the replies that you happen to have. It is that of drawing n and keeping the best.")
    def of_all(rewards, n):
        return best_of_n.right(rewards, n)[0], divergence(len(rewards))


class preference_order(Parsons):
    """The order of the lines from a base model to a verdict."""

    right_order = "CGFBAEHD"
    rules = {
        "CF": "You draw replies before the model has learned to imitate (F before C): pairs should be of replies that this model writes.",
        "CA": "You copy the reference before the model has learned to imitate (A before C): training would then pay for every step away from the base model.",
        "GF": "You draw replies before the prompts are halved (F before G): then the test prompts may be among those that you train on.",
        "FB": "You label replies that were not drawn yet (B before F).",
        "AH": "You copy the reference after training (A before H is needed): every gain would be 0, and there is nothing that holds the model back.",
        "AE": "You ask the reference before there is one (E before A).",
        "BE": "You ask for the log-probabilities of pairs that are not there yet (E before B).",
        "EH": "You train before the reference's log-probabilities are known (H before E): the loss needs them.",
        "HD": "You judge before training (D before H): the model is compared with itself.",
    }
