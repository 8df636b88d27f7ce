"""Generation of training documents compared with its named peer: the `tokenizers` library that
encodes them, each on one core.

The data must never be the bottleneck: training on two cores uses about 5,000 tokens per second.

Run: make bench
"""

import itertools
import os
import statistics
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from results_file import keep, spread
from transformers import AutoTokenizer

from adaptlab.models.load_model import embedded_path
from adaptlab.world import mixture

N_DOCUMENTS = 2000
ROUNDS = 5


def main() -> None:
    tokenizer = AutoTokenizer.from_pretrained(embedded_path("chat")).backend_tokenizer
    made = []
    encoded = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        texts = [
            "".join(text for text, _ in pieces)
            for pieces in itertools.islice(
                mixture.documents(f"bench:{number}", mixture.DOCUMENTS), N_DOCUMENTS
            )
        ]
        middle = time.perf_counter()
        n_tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))
        made.append(n_tokens / (middle - began))
        encoded.append(n_tokens / (time.perf_counter() - middle))
    report = {
        "documents": N_DOCUMENTS,
        "rounds": ROUNDS,
        "tokens per second, made": round(statistics.median(made)),
        "tokens per second, encoded": round(statistics.median(encoded)),
    }
    keep("world", report | spread("times as fast", [a / b for a, b in zip(made, encoded)]))


if __name__ == "__main__":
    main()
