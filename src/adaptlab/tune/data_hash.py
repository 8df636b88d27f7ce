"""A hash of a run's data, to recognize the same data later."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict


def data_hash(train: Sequence, validation: Sequence = (), documents: Sequence[str] = ()) -> str:
    """Return the first 16 hexadecimal digits of a SHA-256. `train` has conversations, or pairs."""
    data = [list(train), list(validation), *([list(documents)] if documents else [])]
    return hashlib.sha256(json.dumps(data, default=asdict).encode()).hexdigest()[:16]
