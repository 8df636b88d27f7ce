"""Compare FAISS's index families for a thousand to a million vectors: recall, milliseconds, bytes
and seconds to build, each compared with exact search in the same run.

Vectors are sampled around 2,000 centres, so that they have neighbours as texts do; they have 384
dimensions, like MiniLM's. A million vectors take about half an hour on two cores, and 8 GB. Each
row is stored in build/, so that an interrupted run resumes; the last step writes all rows to the
file that lesson 03 reads. To measure everything again, delete build/faiss_families.json.

Run: python benchmarks/faiss_families.py
"""

import json
import os
import platform
import time
from pathlib import Path

import faiss
import numpy as np
from tqdm.auto import tqdm

from adaptlab.files import write_whole
from adaptlab.rag.faiss_index import FAMILIES, LEAST_FOR_CODES, FaissIndex
from adaptlab.studies.recorded import RESULTS

SIZES = (1_000, 10_000, 100_000, 1_000_000)
DIMENSION = 384
N_QUERIES = 200
K = 10
N_CENTRES = 2000
SPREAD = 1.5
ROWS = Path("build/faiss_families.json")


def around(rng: np.random.Generator, centres: np.ndarray, n: int) -> np.ndarray:
    """Sample unit vectors around centres, (n, DIMENSION)."""
    noise = rng.standard_normal((n, DIMENSION), np.float32) / np.float32(np.sqrt(DIMENSION))
    vectors = centres[rng.integers(len(centres), size=n)] + SPREAD * noise
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure(family: str, vectors: np.ndarray, queries: np.ndarray, right: np.ndarray) -> dict:
    index = FaissIndex(DIMENSION, family)
    began = time.perf_counter()
    index.add(range(len(vectors)), vectors)
    built = time.perf_counter() - began
    times = []
    found = []
    for query in queries:
        began = time.perf_counter()
        found.append(index.search(query[None], K)[0][0])
        times.append(1000 * (time.perf_counter() - began))
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found, right)])
    return {
        "family": family,
        "n": len(vectors),
        "recall@10": round(float(recall), 4),
        "p50 ms": round(float(np.percentile(times, 50)), 3),
        "p95 ms": round(float(np.percentile(times, 95)), 3),
        "MB": round(len(index.to_bytes()) / 1e6, 2),
        "seconds to build": round(built, 2),
    }


def set_up() -> dict:
    """Return the settings that must be equal for all rows of a table."""
    return {
        "command": "python benchmarks/faiss_families.py",
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "faiss": faiss.__version__,
        "dimension": DIMENSION,
        "queries": N_QUERIES,
        "centres": N_CENTRES,
        "spread": SPREAD,
    }


def main() -> None:
    kept = json.loads(ROWS.read_text()) if ROWS.exists() else {}
    rows = kept.pop("rows", [])
    rows = rows if kept == set_up() else []
    for n in SIZES:
        families = [family for family in FAMILIES if "pq" not in family or n >= LEAST_FOR_CODES]
        left = [
            family
            for family in families
            if (family, n) not in {(row["family"], row["n"]) for row in rows}
        ]
        if not left:
            continue
        rng = np.random.default_rng(n)
        centres = rng.standard_normal((N_CENTRES, DIMENSION), np.float32)
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        vectors = around(rng, centres, n)
        queries = around(rng, centres, N_QUERIES)
        exact = FaissIndex(DIMENSION)
        exact.add(range(n), vectors)
        right = exact.search(queries, K)[0]
        del exact
        for family in tqdm(left, desc=f"{n:,} vectors"):
            rows.append(measure(family, vectors, queries, right))
            write_whole(ROWS, json.dumps(set_up() | {"rows": rows}, indent=1) + "\n")
    write_whole(RESULTS / ROWS.name, ROWS.read_text())


if __name__ == "__main__":
    main()
