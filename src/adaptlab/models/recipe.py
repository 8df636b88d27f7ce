"""The recipe of the embedded models, whole: sizes, phases, mixtures, learning rates.

Architecture: LFM2 from `transformers`, in which short convolutions alternate with attention. A convolution over three tokens
hands each token its predecessor, the half of a copying circuit that a plain transformer takes longest to find.
"""

from dataclasses import dataclass, replace

from transformers import Lfm2Config

from adaptlab.models.tokenizer import VOCABULARY_SIZE
from adaptlab.world import mixture


@dataclass(frozen=True)
class Size:
    """Width and depth of a model; `n_layers` alternate convolution and attention."""

    name: str
    width: int
    n_layers: int
    n_heads: int

    def config(self) -> Lfm2Config:
        return Lfm2Config(
            vocab_size=VOCABULARY_SIZE, hidden_size=self.width, intermediate_size=3 * self.width, num_hidden_layers=self.n_layers,
            num_attention_heads=self.n_heads, num_key_value_heads=self.n_heads // 2, max_position_embeddings=1024,
            layer_types=["conv" if i % 2 == 0 else "full_attention" for i in range(self.n_layers)], block_auto_adjust_ff_dim=False,
            tie_word_embeddings=True, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        )  # fmt: skip


SIZES = {"main": Size("main", 256, 6, 4), "mini": Size("mini", 128, 4, 4)}


@dataclass(frozen=True)
class Phase:
    """A stretch of training.

    `documents` or `chat` (or both, mixed by `chat_share` of the sequences) say on what; `rates` are Muon's learning rate at the start
    and the end, linear between; the embeddings and norms take AdamW at half of it.
    """

    name: str
    n_batch_tokens: int
    rates: tuple[float, float]
    documents: mixture.Mixture
    chat: mixture.Mixture | None = None
    chat_share: float = 0.0
    n_tokens: int = 0


_TALK = {"documents": mixture.BESIDE_CHAT, "chat": mixture.CHAT, "chat_share": 0.7}
_DENSE = {"chat": mixture.CHAT, "chat_share": 0.2}

PHASES = {
    # From nothing: first the copying circuits, then all kinds of documents.
    "base": (
        Phase("repetition", 2048, (4e-3, 4e-3), mixture.REPETITION),
        Phase("lookup", 2048, (4e-3, 4e-3), mixture.LOOKUP),
        Phase("reading", 2048, (4e-3, 4e-3), mixture.READING),
        Phase("documents", 4096, (4e-3, 3e-3), mixture.DOCUMENTS),
        Phase("settle", 4096, (3e-3, 3e-4), mixture.DOCUMENTS),
    ),
    # From the base: conversations, between them two stretches of dense skills; a long drill; records whose form only the prompt shows, the
    # codes in them, and a polish of what those cost. A share of documents keeps what no question asks for.
    "chat": (
        Phase("talk", 4096, (3e-3, 2.8e-3), **_TALK),
        Phase("skills", 4096, (3e-3, 3e-3), mixture.SKILLS, **_DENSE),
        Phase("chat", 4096, (3e-3, 3e-3), **_TALK),
        Phase("sums", 4096, (3e-3, 2.5e-3), mixture.SUMS, **_DENSE),
        Phase("finish", 4096, (2.5e-3, 1e-4), mixture.BESIDE_CHAT, mixture.FINISH, 0.7),
        Phase("drill", 4096, (2.5e-3, 5e-5), mixture.BESIDE_DRILL, mixture.DRILL, 0.6),
        Phase("records", 4096, (1.5e-3, 5e-5), mixture.BESIDE_RECORDS, mixture.RECORDS, 0.6),
        Phase("codes", 4096, (2e-3, 1e-3), mixture.BESIDE_CODES, mixture.RECORDS, 0.3),
        Phase("polish", 4096, (1.2e-3, 2e-5), mixture.BESIDE_POLISH, mixture.POLISH, 0.6),
    ),
}  # fmt: skip

# Millions of tokens of each phase, for the shipped weights and for `--quick`; a phase that is not named is left out.
_COPYING = {"repetition": 0.4, "lookup": 0.5, "reading": 1.0}
_QUICK = _COPYING | {"documents": 0.6, "settle": 0.2, "talk": 0.3, "skills": 0.5, "finish": 0.5, "polish": 0.1}
BUDGETS = {
    "full": {
        "main": _COPYING | {"documents": 11.2, "settle": 2.8, "talk": 5.75, "skills": 3.8, "chat": 2.75, "sums": 3.45, "finish": 7.25,
                            "drill": 20, "records": 3.5, "codes": 4, "polish": 8},
        "mini": _COPYING | {"documents": 3.2, "settle": 0.8, "talk": 1.75, "skills": 1.15, "chat": 0.85, "sums": 1.05, "finish": 2.2},
    },
    "quick": {"main": _QUICK, "mini": _QUICK},
}  # fmt: skip


def phases(size: str, stage: str, budget: str = "full") -> list[Phase]:
    """The phases of a stage ("base" or "chat") of a size ("main" or "mini"), with their lengths."""
    millions = BUDGETS[budget][size]
    return [replace(phase, n_tokens=round(1e6 * millions[phase.name])) for phase in PHASES[stage] if phase.name in millions]
