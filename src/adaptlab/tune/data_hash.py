"""A hash of the data of a run, by which the same data are known again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict


def data_hash(train: Sequence, validation: Sequence = (), documents: Sequence[str] = ()) -> str:
    """The first 16 hexadecimal digits of a SHA-256. `train`: conversations, or pairs."""
    data = [list(train), list(validation), *([list(documents)] if documents else [])]
    return hashlib.sha256(json.dumps(data, default=asdict).encode()).hexdigest()[:16]
