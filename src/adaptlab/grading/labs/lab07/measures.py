"""Lab 07, measures: what is right, and what wrong answers believe."""

from statistics import mean

from adaptlab.grading.exercise import Exercise, wrong


def peaks(scores: list, first=lambda task: task, last: int = -1) -> list[float]:
    """Of each task but the last, its best share after a stage from `first(task)` on, those from the
    end's `last` on left out.
    """
    return [
        max(row[task] for row in scores[first(task) : len(scores) + last])
        for task in range(len(scores) - 1)
    ]


def losses(scores: list, before: list) -> list[float]:
    """What each task but the last has less at the end than before."""
    return [share - end for share, end in zip(before, scores[-1])]


def own(scores: list) -> list[float]:
    """The share of each task right after its own stage."""
    return [row[task] for task, row in enumerate(scores)]


class measures(Exercise):
    """Mean forgetting, backward and forward transfer from a table of stages and tasks."""

    @staticmethod
    def draw(rng):
        n = int(rng.integers(2, 7))
        return (rng.integers(0, 40, size=n) / 100).tolist(), (
            rng.integers(0, 101, size=(n, n)) / 100
        ).tolist()

    @staticmethod
    def edges():
        return [
            ([0.1, 0.2, 0.0], [[0.9, 0.3, 0.05], [0.95, 0.8, 0.1], [0.5, 0.85, 0.9]]),
            ([0.25, 0.5], [[1.0, 0.75], [0.5, 1.0]]),
            ([0.0, 0.0, 0.0], [[0.5, 0.0, 0.0], [0.6, 0.5, 0.0], [0.7, 0.6, 0.5]]),
        ]

    @staticmethod
    def right(start, scores):
        forward = [scores[task - 1][task] - start[task] for task in range(1, len(start))]
        return {
            "forgetting": mean(losses(scores, peaks(scores))),
            "backward": -mean(losses(scores, own(scores)[:-1])),
            "forward": mean(forward),
        }

    @staticmethod
    @wrong(
        "Your forgetting is measured from the task's own stage. A task may get better afterwards,"
        " and what counts is what it had at its best."
    )
    def since_own_stage(start, scores):
        return measures.right(start, scores) | {
            "forgetting": mean(losses(scores, own(scores)[:-1]))
        }

    @staticmethod
    @wrong(
        "A task that is best at the end counts as 0 in your forgetting. It counts as negative: the"
        " last stage is none of those in which its best is looked for."
    )
    def last_stage_too(start, scores):
        return measures.right(start, scores) | {
            "forgetting": mean(losses(scores, peaks(scores, last=0)))
        }

    @staticmethod
    @wrong(
        "You look for the best in stages before the task's own, too. What it could do before it was"
        " trained was not learned, so it is not forgotten."
    )
    def from_the_first_stage(start, scores):
        return measures.right(start, scores) | {
            "forgetting": mean(losses(scores, peaks(scores, first=lambda task: 0)))
        }

    @staticmethod
    @wrong(
        "You divide by all tasks. The last one has had no time to be forgotten, and the first had"
        " no stage before it: each mean leaves one out."
    )
    def over_all_tasks(start, scores):
        return {
            name: value * (len(start) - 1) / len(start)
            for name, value in measures.right(start, scores).items()
        }

    @staticmethod
    @wrong(
        "Those are sums over the tasks. Means are asked for, so that few tasks and many can be"
        " compared."
    )
    def sums(start, scores):
        return {
            name: value * (len(start) - 1) for name, value in measures.right(start, scores).items()
        }

    @staticmethod
    @wrong(
        "Your backward transfer has the wrong sign: it is the share at the end minus that after the"
        " own stage, so a loss is negative."
    )
    def backward_reversed(start, scores):
        found = measures.right(start, scores)
        return found | {"backward": -found["backward"]}

    @staticmethod
    @wrong(
        "Your backward transfer is forgetting with the other sign. It is measured from the task's"
        " own stage, not from its best."
    )
    def backward_from_best(start, scores):
        found = measures.right(start, scores)
        return found | {"backward": -found["forgetting"]}

    @staticmethod
    @wrong(
        "Your backward transfer ends with the next stage. All later stages count: it is the share"
        " after the last one."
    )
    def next_stage(start, scores):
        return measures.right(start, scores) | {
            "backward": mean(
                scores[task + 1][task] - scores[task][task] for task in range(len(start) - 1)
            )
        }

    @staticmethod
    @wrong("Rows and columns are swapped: scores[i] is the model after stage i.")
    def swapped(start, scores):
        return measures.right(start, [list(column) for column in zip(*scores)])

    @staticmethod
    @wrong(
        "Your forward transfer is taken after the task's own stage. Then it holds what training"
        " taught; look at the stage before."
    )
    def forward_after(start, scores):
        return measures.right(start, scores) | {
            "forward": mean(scores[task][task] - start[task] for task in range(1, len(start)))
        }

    @staticmethod
    @wrong(
        "Your forward transfer leaves out what the task could do before any training. Only what"
        " earlier stages added is transfer."
    )
    def without_start(start, scores):
        return measures.right(start, scores) | {
            "forward": mean(scores[task - 1][task] for task in range(1, len(start)))
        }

    @staticmethod
    @wrong(
        "Your forward transfer uses the start of another task. Each task is compared with its own"
        " share before any training."
    )
    def start_of_another(start, scores):
        return measures.right(start, scores) | {
            "forward": mean(
                scores[task - 1][task] - start[task - 1] for task in range(1, len(start))
            )
        }
