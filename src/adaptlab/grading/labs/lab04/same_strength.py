"""Lab 04, same_strength: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong


class same_strength(Exercise):
    """The alpha that keeps the scale when the rank changes, for LoRA and for rsLoRA."""

    @staticmethod
    def draw(rng):
        old, new = (int(r) for r in rng.choice([2, 4, 8, 16, 32, 64], size=2, replace=False))
        return float(rng.choice([3.0, 8.0, 12.0, 24.0])), old, new, bool(rng.random() < 0.5)

    @staticmethod
    def edges():
        return [(16.0, 8, 8, True), (16.0, 8, 32, False), (16.0, 8, 32, True)]

    @staticmethod
    def right(alpha, rank, new_rank, rank_stabilized):
        return alpha * (new_rank / rank) ** (0.5 if rank_stabilized else 1)

    @staticmethod
    @wrong(
        "With the same alpha the scale alpha / r changes with the rank. It has to be the alpha that"
        " undoes this."
    )
    def unchanged(alpha, rank, new_rank, rank_stabilized):
        return alpha

    @staticmethod
    @wrong("The ratio is upside down: a greater rank divides by more, so alpha has to grow.")
    def upside_down(alpha, rank, new_rank, rank_stabilized):
        return alpha * (rank / new_rank) ** (0.5 if rank_stabilized else 1)

    @staticmethod
    @wrong(
        "That is right without rank stabilization. rsLoRA divides by the root of the rank, so alpha"
        " grows with the root."
    )
    def never_stabilized(alpha, rank, new_rank, rank_stabilized):
        return alpha * new_rank / rank

    @staticmethod
    @wrong("That is right for rsLoRA alone. Plain LoRA divides by the rank itself.")
    def always_stabilized(alpha, rank, new_rank, rank_stabilized):
        return alpha * (new_rank / rank) ** 0.5

    @staticmethod
    @wrong("You have the two the wrong way round: rsLoRA is the one with the root.")
    def swapped(alpha, rank, new_rank, rank_stabilized):
        return alpha * (new_rank / rank) ** (1 if rank_stabilized else 0.5)

    @staticmethod
    @wrong("Twice the rank is a habit, not the alpha that keeps this adapter's scale.")
    def habit(alpha, rank, new_rank, rank_stabilized):
        return 2 * new_rank
