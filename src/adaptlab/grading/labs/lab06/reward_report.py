"""Lab 06, reward_report: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab06.common import reply_logps, tensor


def report(up, down, beta) -> dict[str, float]:
    """What `reward_report` returns, from the gains of the chosen and of the rejected replies."""
    ahead = up > down
    level = up == down
    return {
        "margin": float(beta * (up - down).mean()),
        "accuracy": float((ahead + 0.5 * level).mean()),
        "chosen fell": float((up < 0).float().mean()),
        "won by falling": float(((up < 0) & (down < 0) & ahead).float().mean()),
    }


class reward_report(Exercise):
    """The mean margin of rewards, how often the chosen reply is ahead, and how often both became
    less likely.
    """

    @staticmethod
    def draw(rng):
        chosen, rejected, *reference = reply_logps(
            rng, int(rng.integers(6, 14)), float(rng.choice([3, 6]))
        )
        level = int(rng.integers(0, 3))  # so many pairs that stand level
        rejected[:level] = reference[1][:level] + chosen[:level] - reference[0][:level]
        return chosen, rejected, *reference, float(rng.choice([0.1, 0.5, 2.0]))

    @staticmethod
    def edges():
        chosen = tensor([-5.0, -9.0, -3.0, -8.0, -4.0, -6.0])
        rejected = tensor([-9.0, -12.0, -3.0, -6.0, -2.0, -7.0])
        before = (
            tensor([-6.0, -7.0, -3.0, -7.0, -4.5, -6.0]),
            tensor([-7.0, -8.0, -3.0, -7.0, -4.0, -7.0]),
        )
        return [
            (chosen, rejected, *before, 0.1),
            (chosen, rejected, chosen, rejected, 0.5),
            (chosen[:1], rejected[:1], rejected[:1], chosen[:1], 2.0),
            (tensor([-9.0]), tensor([-30.0]), tensor([-6.0]), tensor([-7.0]), 0.1),
        ]

    @staticmethod
    def right(chosen, rejected, reference_chosen, reference_rejected, beta):
        return report(chosen - reference_chosen, rejected - reference_rejected, beta)

    @staticmethod
    @wrong(
        "Your accuracy asks which reply is likelier under the model. It asks which has the higher"
        " reward, so which one gained more on the reference."
    )
    def by_likelihood(chosen, rejected, reference_chosen, reference_rejected, beta):
        plain = report(chosen, rejected, beta)
        return reward_report.right(chosen, rejected, reference_chosen, reference_rejected, beta) | {
            "accuracy": plain["accuracy"]
        }

    @staticmethod
    @wrong(
        "The reference is missing from your margin: a reward is what a reply gained on the"
        " reference."
    )
    def margin_of_likelihoods(chosen, rejected, reference_chosen, reference_rejected, beta):
        told = reward_report.right(chosen, rejected, reference_chosen, reference_rejected, beta)
        return told | {"margin": float(beta * (chosen - rejected).mean())}

    @staticmethod
    @wrong("Beta is missing from the margin.")
    def no_beta(chosen, rejected, reference_chosen, reference_rejected, beta):
        return report(chosen - reference_chosen, rejected - reference_rejected, 1.0)

    @staticmethod
    @wrong("Your margin is a sum. It is the mean over the pairs.")
    def summed(chosen, rejected, reference_chosen, reference_rejected, beta):
        told = reward_report.right(chosen, rejected, reference_chosen, reference_rejected, beta)
        return told | {"margin": told["margin"] * len(chosen)}

    @staticmethod
    @wrong(
        "A pair with equal rewards counts as right for you. A model that never changed would then"
        " be right about everything; it counts half."
    )
    def level_is_right(chosen, rejected, reference_chosen, reference_rejected, beta):
        up = chosen - reference_chosen
        down = rejected - reference_rejected
        return report(up, down, beta) | {"accuracy": float((up >= down).float().mean())}

    @staticmethod
    @wrong(
        "A pair with equal rewards counts as wrong for you. It counts half: a model that does not"
        " tell the two replies apart has an accuracy of one half."
    )
    def level_is_wrong(chosen, rejected, reference_chosen, reference_rejected, beta):
        up = chosen - reference_chosen
        down = rejected - reference_rejected
        return report(up, down, beta) | {"accuracy": float((up > down).float().mean())}

    @staticmethod
    @wrong(
        "For you a chosen reply fell where it lies behind the rejected one. It fell where it is"
        " less likely than under the reference, whatever the other did."
    )
    def fell_behind(chosen, rejected, reference_chosen, reference_rejected, beta):
        up = chosen - reference_chosen
        down = rejected - reference_rejected
        return report(up, down, beta) | {"chosen fell": float((up < down).float().mean())}

    @staticmethod
    @wrong("A reply with a gain of exactly 0 did not fall.")
    def level_fell(chosen, rejected, reference_chosen, reference_rejected, beta):
        up = chosen - reference_chosen
        down = rejected - reference_rejected
        return report(up, down, beta) | {"chosen fell": float((up <= 0).float().mean())}

    @staticmethod
    @wrong(
        "You count every pair in which both replies fell. `won by falling` needs the chosen reply"
        " ahead as well."
    )
    def both_fell(chosen, rejected, reference_chosen, reference_rejected, beta):
        up = chosen - reference_chosen
        down = rejected - reference_rejected
        return report(up, down, beta) | {
            "won by falling": float(((up < 0) & (down < 0)).float().mean())
        }

    @staticmethod
    @wrong(
        "You count every pair that is ahead though the chosen reply fell, or in which only the"
        " rejected one did. Both gains have to be below 0."
    )
    def rejected_fell(chosen, rejected, reference_chosen, reference_rejected, beta):
        up = chosen - reference_chosen
        down = rejected - reference_rejected
        return report(up, down, beta) | {
            "won by falling": float(((down < 0) & (up > down)).float().mean())
        }

    @staticmethod
    @wrong("You divide `won by falling` by the pairs that were won. It is a share of all pairs.")
    def of_those_won(chosen, rejected, reference_chosen, reference_rejected, beta):
        up = chosen - reference_chosen
        down = rejected - reference_rejected
        told = report(up, down, beta)
        ahead = int((up > down).sum())
        return told | {"won by falling": told["won by falling"] * len(up) / ahead if ahead else 0.0}
