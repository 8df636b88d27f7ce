"""Self-consistency: sample several chains of thought, let their answers vote (Wang et al. 2022)."""

from collections import Counter
from collections.abc import Hashable, Sequence

from adaptlab.checks import check_whole
from adaptlab.messages import Messages


def majority(answers: Sequence[Hashable | None]) -> Hashable | None:
    """The most frequent answer, the earliest of equals; None does not vote and is returned only if
    nothing else was said.
    """
    votes = Counter(answer for answer in answers if answer is not None)
    return votes.most_common(1)[0][0] if votes else None


def sample_chains(
    chat, conversations: list[Messages], n_chains: int, temperature: float, seed: int = 0, **options
) -> list[list[str]]:
    """n_chains replies to each conversation, all sampled in shared batches: result[i][j] is chain j
    of conversation i.
    """
    check_whole(n_chains, "n_chains", 1)
    repeated = [messages for messages in conversations for _ in range(n_chains)]
    texts = [
        reply.text for reply in chat.batch(repeated, temperature=temperature, seed=seed, **options)
    ]
    return [texts[i : i + n_chains] for i in range(0, len(texts), n_chains)]
