"""The recipe of the embedded models, whole: sizes, phases, mixtures, learning rates.

Architecture: LFM2 from `transformers`, in which short convolutions alternate with attention. A convolution over three tokens
hands each token its predecessor, the half of a copying circuit that a plain transformer takes longest to find.
"""

from dataclasses import dataclass

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


SIZES = {"main": Size("main", 256, 6, 4), "mini": Size("mini", 128, 6, 4)}


@dataclass(frozen=True)
class Phase:
    """A stretch of training.

    `documents` or `chat` (or both, mixed by `chat_share` of the sequences) say on what; `rates` are Muon's learning rate at the start
    and the end, linear between; the embeddings and norms take AdamW at half of it.
    """

    name: str
    n_tokens: int
    n_batch_tokens: int
    rates: tuple[float, float]
    documents: mixture.Mixture
    chat: mixture.Mixture | None = None
    chat_share: float = 0.0


def base_phases(millions: float) -> list[Phase]:
    """From nothing to the base model: first the copying circuits, then all kinds of documents."""
    return [
        Phase("repetition", 400_000, 2048, (4e-3, 4e-3), mixture.REPETITION),
        Phase("lookup", 500_000, 2048, (4e-3, 4e-3), mixture.LOOKUP),
        Phase("reading", 1_000_000, 2048, (4e-3, 4e-3), mixture.READING),
        Phase("documents", int(0.8 * millions * 1e6), 4096, (4e-3, 3e-3), mixture.DOCUMENTS),
        Phase("settle", int(0.2 * millions * 1e6), 4096, (3e-3, 3e-4), mixture.DOCUMENTS),
    ]


def chat_phases(millions: float, drill: float, records: float, codes: float, polish: float) -> list[Phase]:
    """From the base to the chat model: conversations, between them two stretches of dense skills; then what comes last, each in millions
    of tokens: a long drill, records whose form only the prompt shows, codes in them, and a polish of what those cost.

    A share of documents keeps what no question asks for.
    """
    chat = {"documents": mixture.BESIDE_CHAT, "chat": mixture.CHAT, "chat_share": 0.7}
    skills = {"chat": mixture.CHAT, "chat_share": 0.2}
    return [
        Phase("talk", int(0.25 * millions * 1e6), 4096, (3e-3, 2.8e-3), **chat),
        Phase("skills", int(0.165 * millions * 1e6), 4096, (3e-3, 3e-3), mixture.SKILLS, **skills),
        Phase("chat", int(0.12 * millions * 1e6), 4096, (3e-3, 3e-3), **chat),
        Phase("sums", int(0.15 * millions * 1e6), 4096, (3e-3, 2.5e-3), mixture.SUMS, **skills),
        Phase("finish", int(0.315 * millions * 1e6), 4096, (2.5e-3, 1e-4), mixture.BESIDE_CHAT, mixture.FINISH, 0.7),
        Phase("drill", int(drill * 1e6), 4096, (2.5e-3, 5e-5), mixture.BESIDE_DRILL, mixture.DRILL, 0.6),
        Phase("records", int(records * 1e6), 4096, (1.5e-3, 5e-5), mixture.BESIDE_RECORDS, mixture.RECORDS, 0.6),
        Phase("codes", int(codes * 1e6), 4096, (2e-3, 1e-3), mixture.BESIDE_CODES, mixture.RECORDS, 0.3),
        Phase("polish", int(polish * 1e6), 4096, (1.2e-3, 2e-5), mixture.BESIDE_POLISH, mixture.POLISH, 0.6),
    ]


# Millions of tokens after the copying phases (documents, conversations, drill, records, codes, polish), for the shipped weights and for `--quick`.
BUDGETS = {
    "full": {"main": (14, 23, 20, 3.5, 4, 8), "mini": (6, 9, 5, 0.5, 1.5, 1.5)},
    "quick": {"main": (0.8, 1.3, 0, 0, 0.2, 0.1), "mini": (0.8, 1.3, 0, 0, 0.2, 0.1)},
}


def phases(size: str, stage: str, budget: str = "full") -> list[Phase]:
    """The phases of a stage ("base" or "chat") of a size ("main" or "mini")."""
    documents, *conversations = BUDGETS[budget][size]
    found = base_phases(documents) if stage == "base" else chat_phases(*conversations)
    return [phase for phase in found if phase.n_tokens]
