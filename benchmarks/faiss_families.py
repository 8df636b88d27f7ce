"""FAISS's families from a thousand to a million vectors: recall, milliseconds, bytes and seconds to build, each against exact search in the same run.

Vectors are drawn around 2,000 centres, so that they have neighbours as texts do; 384 numbers each, as MiniLM's. A million takes some half an hour
on two cores, and 8 GB. Each row is kept as soon as it is measured, so a run that was cut off goes on.
Run: python benchmarks/faiss_families.py 1000 10000 100000 1000000
"""

import json
import os
import sys
import time

import numpy as np
from tqdm.auto import tqdm

from adaptlab.course.recorded import RESULTS, recorded
from adaptlab.files import write_whole
from adaptlab.rag.index import FAMILIES, LEAST_FOR_CODES, FaissIndex

DIMENSION, N_QUERIES, K, N_CENTRES, SPREAD = 384, 200, 10, 2000, 1.5
TARGET = RESULTS / "faiss_families.json"


def around(rng: np.random.Generator, centres: np.ndarray, n: int) -> np.ndarray:
    """Unit vectors around centres, (n, DIMENSION)."""
    noise = rng.standard_normal((n, DIMENSION), np.float32) / np.float32(np.sqrt(DIMENSION))
    vectors = centres[rng.integers(len(centres), size=n)] + SPREAD * noise
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure(family: str, vectors: np.ndarray, queries: np.ndarray, right: np.ndarray) -> dict:
    index = FaissIndex(DIMENSION, family)
    began = time.perf_counter()
    index.add(range(len(vectors)), vectors)
    built = time.perf_counter() - began
    times, found = [], []
    for query in queries:
        began = time.perf_counter()
        found.append(index.search(query[None], K)[0][0])
        times.append(1000 * (time.perf_counter() - began))
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found, right)])
    return {"family": family, "n": len(vectors), "recall@10": round(float(recall), 4), "p50 ms": round(float(np.percentile(times, 50)), 3),
            "p95 ms": round(float(np.percentile(times, 95)), 3), "MB": round(len(index.to_bytes()) / 1e6, 2), "seconds to build": round(built, 2)}  # fmt: skip


def main() -> None:
    rows = recorded("faiss_families")["rows"] if TARGET.exists() else []
    for n in map(int, sys.argv[1:]):
        rng = np.random.default_rng(n)
        centres = rng.standard_normal((N_CENTRES, DIMENSION), np.float32)
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        vectors, queries = around(rng, centres, n), around(rng, centres, N_QUERIES)
        exact = FaissIndex(DIMENSION)
        exact.add(range(n), vectors)
        right = exact.search(queries, K)[0]
        del exact
        for family in tqdm(FAMILIES, desc=f"{n:,} vectors", file=sys.stderr):
            if (family, n) in {(row["family"], row["n"]) for row in rows} or ("pq" in family and n < LEAST_FOR_CODES):
                continue
            rows.append(measure(family, vectors, queries, right))
            record = {"command": "python benchmarks/faiss_families.py 1000 10000 100000 1000000", "cores": os.cpu_count(), "dimension": DIMENSION, "rows": rows}
            write_whole(TARGET, json.dumps(record, indent=1) + "\n")
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
