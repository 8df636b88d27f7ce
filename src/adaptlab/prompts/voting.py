"""Self-consistency: sample several chains of thought and take the majority of their answers (Wang
et al. 2022).
"""

from collections import Counter
from collections.abc import Hashable, Sequence

from adaptlab.checks import check_whole
from adaptlab.messages import Messages


def majority(answers: Sequence[Hashable | None]) -> Hashable | None:
    """Return the most frequent answer, the earliest on a tie; None counts only if all answers are
    None.
    """
    votes = Counter(answer for answer in answers if answer is not None)
    return votes.most_common(1)[0][0] if votes else None


def sample_chains(
    chat, conversations: list[Messages], n_chains: int, temperature: float, seed: int = 0, **options
) -> list[list[str]]:
    """Sample n_chains replies to each conversation in shared batches: result[i][j] is chain j of
    conversation i.
    """
    check_whole(n_chains, "n_chains", 1)
    repeated = [messages for messages in conversations for _ in range(n_chains)]
    texts = [
        reply.text for reply in chat.batch(repeated, temperature=temperature, seed=seed, **options)
    ]
    return [texts[i : i + n_chains] for i in range(0, len(texts), n_chains)]
