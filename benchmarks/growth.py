"""How time grows: submissions to grade, chunks to add and to search, processes that train together.

For y = a · n^b, b is the slope of log y by log n (least squares), with a 95% interval of Student's
t. An exponent of 1 means linear growth. The chunks have random vectors, so that no embedding is
timed. Processes of `accelerate` share the cores of the machine: more processes than cores gain
nothing.

Run: python benchmarks/growth.py
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import psutil
from grading import Ours, solved_cells
from results_file import RESULTS, keep
from scipy import stats
from tqdm.auto import tqdm
from updates import Drawn

from adaptlab.files import write_whole
from adaptlab.plots import lines
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever

SUBMISSIONS = (10, 30, 100, 300, 1000)
CHUNKS = (1_000, 10_000, 100_000, 1_000_000)
PROCESSES = (1, 2, 4)
LIGHT = ("same_strength", "shipping_order", "count_adapters")  # exercises without torch
N_QUERIES = 20
K = 10
N_WORDS = 5_000  # of the vocabulary of the chunks
TRAINING = """
import sys, time
from tuning import conversations
from adaptlab.models.local import LocalChat
from adaptlab.tune.options import Options
from adaptlab.tune.sft import trainer
options = Options(batch_size=32)
made = trainer(LocalChat("embedded:mini-chat"), conversations(1600), options, sys.argv[1])
began = time.perf_counter()
made.train()
if made.is_world_process_zero():
    open(sys.argv[1] + "/seconds", "w").write(str(time.perf_counter() - began))
"""


def exponent(sizes: Sequence[float], values: Sequence[float]) -> dict[str, float]:
    """Return the slope of log(values) by log(sizes), its interval, and the number of points."""
    x, y = np.log(sizes), np.log(values)
    fitted = stats.linregress(x, y)
    half = stats.t.ppf(0.975, len(x) - 2) * fitted.stderr
    ends = {"value": fitted.slope, "low": fitted.slope - half, "high": fitted.slope + half}
    return {name: round(float(end), 3) for name, end in ends.items()} | {"n": len(x)}


def submissions(place: Path) -> dict[int, dict[str, float]]:
    """Return the seconds to grade n submissions of a lab's light exercises, two at a time."""
    cells = [
        cell
        for cell in solved_cells()
        if cell["metadata"].get("nbgrader", {}).get("grade_id", "") in LIGHT
    ]
    found = {}
    for n in tqdm(SUBMISSIONS, desc="submissions", unit="size"):
        grader = Ours(place, cells)
        grader.prepare(n)
        began = time.perf_counter()
        grader.grade()
        found[n] = {"seconds to grade": time.perf_counter() - began}
    return found


def made_chunks(n: int) -> Iterator[Chunk]:
    """Yield chunks of 30 words, drawn by Zipf's law as words of a text are."""
    rng = np.random.default_rng(0)
    for i in range(n):
        words = np.minimum(rng.zipf(1.3, 30), N_WORDS)
        text = " ".join(f"w{word}" for word in words)
        yield Chunk(i, text, f"source {i // 10}", "title", "", date(2026, 1, 1), 0, len(text))


def chunks() -> dict[int, dict[str, float]]:
    """Return the seconds to add n chunks, and the milliseconds of a dense and a keyword search."""
    found = {}
    rng = np.random.default_rng(1)
    for n in tqdm(CHUNKS, desc="chunks", unit="size"):
        pieces = list(made_chunks(n))
        collection = Collection(Drawn())
        began = time.perf_counter()
        collection.add(pieces)
        found[n] = {"seconds to add": time.perf_counter() - began}
        for name, way in {
            "ms of a dense search": DenseRetriever(collection),
            "ms of a keyword search": BM25Retriever(collection),
        }.items():
            way.search(["w1 w2"], K)  # the keyword index is built at its first use
            times = []
            for _ in range(N_QUERIES):
                question = " ".join(f"w{word}" for word in rng.integers(1, 200, 6))
                began = time.perf_counter()
                way.search([question], K)
                times.append(1000 * (time.perf_counter() - began))
            found[n][name] = float(np.median(times))
    return found


def processes(place: Path) -> dict[int, dict[str, float]]:
    """Return the seconds to train the small embedded model once on the same conversations."""
    script = place / "train.py"
    script.write_text(TRAINING)
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent),
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
        "HF_HUB_OFFLINE": "1",
    }
    found = {}
    for n in tqdm(PROCESSES, desc="processes", unit="size"):
        folder = place / str(n)
        folder.mkdir()
        command = [Path(sys.executable).parent / "accelerate", "launch", "--cpu"]
        command += ["--num_processes", str(n), "--num_machines", "1"]
        command += ["--mixed_precision", "no", "--dynamo_backend", "no", script, folder]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        found[n] = {"seconds to train": float((folder / "seconds").read_text())}
    return found


def reported(what: str, found: Mapping[int, Mapping[str, float]]) -> dict:
    """Write a figure of the growth; return the values and the exponents."""
    names = list(next(iter(found.values())))
    series = {name: (list(found), [row[name] for row in found.values()]) for name in names}
    figure = lines(f"Growth with {what}", what, "seconds or milliseconds", series, logarithmic=True)
    write_whole(RESULTS / f"growth-{what}.svg", [figure.svg()])
    report: dict = {
        f"{n:,} {what}": {name: round(value, 3) for name, value in row.items()}
        for n, row in found.items()
    }
    for name, (sizes, values) in series.items():
        report[f"exponent, {name}"] = exponent(sizes, values)
    return report | {"figure": f"growth-{what}.svg", "alternative": figure.alt}


def main() -> None:
    report = {"cores": psutil.cpu_count()}
    with tempfile.TemporaryDirectory(dir=Path(__file__).parents[1] / "build") as folder:
        report["processes"] = reported("processes", processes(Path(folder)))
        report["submissions"] = reported("submissions", submissions(Path(folder) / "graded"))
    report["chunks"] = reported("chunks", chunks())
    keep("growth", report)


if __name__ == "__main__":
    main()
