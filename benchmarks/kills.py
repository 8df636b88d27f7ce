"""Kill the grader and its child processes fifty times at random moments, and compare the marks of
the resumed run with those of an undisturbed run.

Run: make bench
"""

import sys
import tempfile
import time
from pathlib import Path

from results_file import keep

N_KILLS = 50
N_SUBMISSIONS = 60
WRONG = "def same_strength(alpha, rank, new_rank, rank_stabilized):\n    return alpha"


def main() -> None:
    # Instead of this folder, which has another module named grading.
    sys.path[0] = str(Path(__file__).parents[1] / "tests")
    from grading.conftest import as_notebook, cells
    from grading.kills import killed_and_whole

    from adaptlab.grading.notebook import read_lab
    from adaptlab.grading.submissions.submission import Submission

    content = [
        as_notebook(cells(f"x = {i}", same_strength=WRONG) if i % 2 else cells(f"x = {i}"))
        for i in range(N_SUBMISSIONS)
    ]
    submissions = [Submission(f"student{i}", one, "file", "") for i, one in enumerate(content)]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        resumed, whole, counts = killed_and_whole(
            Path(folder), submissions, read_lab(as_notebook(cells()), "lab04_short"), N_KILLS
        )
    same = resumed == whole and len(whole) == N_SUBMISSIONS
    keep(
        "kills",
        {
            "kills": dict(counts),
            "submissions": N_SUBMISSIONS,
            "the same marks": same,
            "seconds": round(time.perf_counter() - began),
        },
    )
    sys.exit(not same)


if __name__ == "__main__":
    main()
