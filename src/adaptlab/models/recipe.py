"""The complete recipe of the embedded models: sizes, phases, mixtures, learning rates.

The architecture is LFM2 from `transformers`, in which convolutions alternate with attention. A
convolution passes each token its predecessors: half of a copying circuit, which a plain transformer
takes longest to learn. Its window is 32 tokens instead of LFM2's three: a review with its label, or
a numbered chunk, fits in one. A model of four layers learns labels from examples, and the numbers
of chunks, only within a window of their text. A longer window costs 6% of speed.
"""

from dataclasses import dataclass, replace

from transformers import Lfm2Config

from adaptlab.models.tokenizer import VOCABULARY_SIZE
from adaptlab.world import mixture


@dataclass(frozen=True)
class Size:
    """Width and depth of a model; `n_layers` alternate between convolution (over `window` tokens)
    and attention.
    """

    name: str
    width: int
    n_layers: int
    n_heads: int
    window: int = 32

    def config(self) -> Lfm2Config:
        return Lfm2Config(
            vocab_size=VOCABULARY_SIZE,
            hidden_size=self.width,
            intermediate_size=3 * self.width,
            num_hidden_layers=self.n_layers,
            num_attention_heads=self.n_heads,
            num_key_value_heads=self.n_heads // 2,
            max_position_embeddings=1024,
            layer_types=["conv" if i % 2 == 0 else "full_attention" for i in range(self.n_layers)],
            block_auto_adjust_ff_dim=False,
            conv_L_cache=self.window,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )


SIZES = {"main": Size("main", 256, 6, 4), "mini": Size("mini", 128, 4, 4)}


@dataclass(frozen=True)
class Phase:
    """A phase of training.

    `documents` or `chat` (or both, mixed by `chat_share` of the sequences) are its data. `rates`
    are Muon's learning rates at the start and the end, linear between. The embeddings and norms
    take AdamW at half of it.
    """

    name: str
    n_batch_tokens: int
    rates: tuple[float, float]
    documents: mixture.Mixture
    chat: mixture.Mixture | None = None
    chat_share: float = 0.0
    n_tokens: int = 0

    def description(self) -> dict:
        """All fields as plain data, the makers of a mixture by their names."""
        return {
            key: (
                {make.__name__: share for make, share in value.items()}
                if isinstance(value, dict)
                else value
            )
            for key, value in vars(self).items()
        }


PHASES = {
    # From nothing: the copying circuits, labels from examples, dense skills, then all kinds of
    # documents.
    "base": (
        Phase("repetition", 2048, (8e-3, 3e-3), mixture.REPETITION),
        Phase("lookup", 2048, (3e-3, 3e-3), mixture.LOOKUP),
        Phase("words", 2048, (3e-3, 3e-3), mixture.WORDS),
        Phase("skills", 2048, (3e-3, 3e-3), mixture.SKILLS),
        Phase("sums", 2048, (3e-3, 3e-3), mixture.SUMS),
        Phase("documents", 2048, (3e-3, 2.5e-3), mixture.DOCUMENTS),
        Phase("settle", 4096, (2.5e-3, 2e-4), mixture.DOCUMENTS),
    ),
    # From the base: conversations, a long drill, practice of what is counted in presentations, a
    # polish; then once more from a high rate down, on what was still wrong: practice at a constant
    # rate stood still, and what it had met was only learned as the rate fell (cycles of the rate:
    # Loshchilov and Hutter, 2017). A share of documents keeps what no question asks for.
    "chat": (
        Phase("talk", 2048, (2.5e-3, 2.5e-3), mixture.BESIDE_CHAT, mixture.CHAT, 0.6),
        Phase("drill", 2048, (2.5e-3, 2e-3), mixture.BESIDE_DRILL, mixture.DRILL, 0.5),
        Phase("practice", 2048, (2e-3, 2e-3), mixture.BESIDE_PRACTICE, mixture.PRACTICE, 0.5),
        Phase("polish", 4096, (2e-3, 2e-5), mixture.BESIDE_POLISH, mixture.POLISH, 0.6),
        Phase("revision", 2048, (1.5e-3, 2e-5), mixture.BESIDE_REVISION, mixture.REVISION, 0.62),
        Phase("last", 2048, (1.5e-3, 2e-5), mixture.BESIDE_LAST, mixture.LAST, 0.65),
        Phase("finish", 2048, (8e-4, 1e-5), mixture.BESIDE_LAST, mixture.FINISH, 0.8),
    ),
}

# Millions of tokens of each phase, by the budget (the shipped weights, or `--quick`) and the size.
# Mini ends with the polish: it is the small model of comparisons, and rebuilt in an hour. Quick is
# mini alone: main's four million tokens took 19 minutes on two cores and left labels, sums and
# reading at chance or below 6%.
_COPYING = {"repetition": 0.5, "lookup": 0.7, "words": 1.2}
_POLISHED = _COPYING | {
    "skills": 2.5,
    "sums": 2,
    "documents": 2.2,
    "settle": 0.8,
    "talk": 2,
    "drill": 7,
    "practice": 10,
    "polish": 4,
}
BUDGETS = {
    "full": {"main": _POLISHED | {"revision": 18, "last": 14, "finish": 3}, "mini": _POLISHED},
    "quick": {
        "mini": (
            _COPYING
            | {
                "skills": 2,
                "sums": 1.2,
                "documents": 1,
                "settle": 0.4,
                "talk": 0.8,
                "drill": 2.4,
                "polish": 1.8,
            }
        )
    },
}


def phases(stage: str, size: str = "main", budget: str = "full") -> list[Phase]:
    """The phases of a stage ("base" or "chat") for which a budget has tokens for this size, with
    their lengths.
    """
    lengths = BUDGETS[budget][size]
    return [
        replace(phase, n_tokens=round(1e6 * lengths[phase.name]))
        for phase in PHASES[stage]
        if phase.name in lengths
    ]
