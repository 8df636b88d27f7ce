"""Lab 01, vote: what is right, and what wrong answers believe."""

from collections import Counter

from adaptlab.grading.exercise import Exercise, wrong


class vote(Exercise):
    """The answer with a lead of at least a margin over every other one, else None."""

    n_draws = 60

    @staticmethod
    def draw(rng):
        pool = [["", "blue", "lamp", "Blue"], [0, 3, 14, 51]][rng.integers(2)][: rng.integers(2, 5)]
        shares = rng.dirichlet([0.7] * (len(pool) + 1))
        drawn = rng.choice(len(shares), size=rng.integers(1, 13), p=shares)
        return [pool[i] if i < len(pool) else None for i in drawn], int(rng.integers(1, 5))

    @staticmethod
    def edges():
        return [
            ([], 1),
            ([None, None, None], 1),
            ([7], 1),
            ([7], 2),
            ([7, 7, None], 2),
            ([7, 7, 7, 9], 3),
            ([7, 7, 7, 9], 2),
            ([0, 0, 5], 1),
            (["a", "b"], 1),
            (["b", "a", "a", "b", "c"], 1),
            (["a", "a", "a", "b", "b", "c", "c"], 1),
            (["a", "a", None, None, None], 2),
            (["a", "a", "a", "a", "b", "b", "c"], 2),
            ([5, 5, 5, 5, 0, 0, 0], 2),
            (["a", "a", "b", None, None], 1),
        ]

    @staticmethod
    def counts(answers):
        """[(answer, votes)], the most frequent first."""
        return Counter(answer for answer in answers if answer is not None).most_common()

    @staticmethod
    def lead(ranked, margin, strictly=0):
        """The winner among ranked answers, if it leads by so much."""
        if not ranked:
            return None
        second = ranked[1][1] if len(ranked) > 1 else 0
        return ranked[0][0] if ranked[0][1] - second >= margin + strictly else None

    @staticmethod
    def right(answers, margin):
        return vote.lead(vote.counts(answers), margin)

    @staticmethod
    @wrong(
        "Abstentions stand for election in your vote. None counts neither for nor against anything."
    )
    def none_stands(answers, margin):
        return vote.lead(Counter(answers).most_common(), margin)

    @staticmethod
    @wrong(
        "The most frequent answer wins, by however little. It has to lead by `margin` votes, so a"
        " tie is never won."
    )
    def plurality(answers, margin):
        return vote.lead(vote.counts(answers)[:1], 0)

    @staticmethod
    @wrong("A lead of exactly `margin` votes is enough.")
    def more_than_margin(answers, margin):
        return vote.lead(vote.counts(answers), margin, strictly=1)

    @staticmethod
    @wrong(
        "An answer without a rival wins with any number of votes. It has to have at least `margin`"
        " of them: one chain that agrees with itself is no vote."
    )
    def unopposed(answers, margin):
        ranked = vote.counts(answers)
        return ranked[0][0] if len(ranked) == 1 else vote.lead(ranked, margin)

    @staticmethod
    @wrong(
        "An answer without a rival never wins. If all say the same, often enough, that is the"
        " clearest vote of all."
    )
    def needs_a_rival(answers, margin):
        ranked = vote.counts(answers)
        return vote.lead(ranked, margin) if len(ranked) > 1 else None

    @staticmethod
    @wrong(
        "You ask for more than half of the votes. What counts is the lead over the next answer,"
        " however the others are split."
    )
    def more_than_half(answers, margin):
        ranked = vote.counts(answers)
        return ranked[0][0] if ranked and 2 * ranked[0][1] > sum(n for _, n in ranked) else None

    @staticmethod
    @wrong(
        "You compare the winner with all other votes together. It has to lead over each other"
        " answer, taken alone."
    )
    def over_all_others(answers, margin):
        ranked = vote.counts(answers)
        return (
            ranked[0][0]
            if ranked and 2 * ranked[0][1] - sum(n for _, n in ranked) >= margin
            else None
        )

    @staticmethod
    @wrong(
        "You ask for `margin` votes. It is the distance to the next answer that has to be so large."
    )
    def enough_votes(answers, margin):
        ranked = vote.counts(answers)
        return ranked[0][0] if ranked and ranked[0][1] >= margin else None

    @staticmethod
    @wrong(
        "You compare the winner with the answer that has the fewest votes. The strongest rival is"
        " the second."
    )
    def over_the_last(answers, margin):
        ranked = vote.counts(answers)
        return vote.lead([ranked[0], *ranked[:0:-1]], margin) if ranked else None

    @staticmethod
    @wrong(
        "The number 0 and the empty text are lost: Python takes them for false. Ask whether an"
        " answer is None."
    )
    def false_ones_lost(answers, margin):
        return vote.lead(vote.counts([answer or None for answer in answers]), margin)
