"""The loss mask: labels that are token ids for the learned reply tokens, and IGNORED elsewhere."""

from itertools import groupby

from transformers import BatchEncoding

from adaptlab.errors import AdaptLabError
from adaptlab.models.local import LocalChat

IGNORED = -100  # the label of a token that is not learned, as in PyTorch's cross-entropy


def reply_labels(ids: list[int], in_reply: list[int], weights: list[float]) -> list[int]:
    """Return the ids for tokens of a reply of weight 1, else IGNORED.

    Replies are the runs of ones in `in_reply`, in their order.
    """
    labels = []
    number = 0
    for learned, run in groupby(zip(ids, in_reply), key=lambda pair: pair[1]):
        tokens = [token for token, _ in run]
        labels += tokens if learned and weights[number] else [IGNORED] * len(tokens)
        number += learned
    return labels


def masks_of_characters(made: BatchEncoding) -> list[list[int]]:
    """Return the masks of replies in whole characters.

    transformers marks the last character of a block by its first token only, and an emoji may have
    four.
    """
    masks = [list(mask) for mask in made["assistant_masks"]]
    for row, mask in enumerate(masks):
        for place in range(1, len(mask)):
            if mask[place - 1] and not mask[place]:
                before, here = (made.token_to_chars(row, at) for at in (place - 1, place))
                mask[place] = int(before is not None and before == here)
    return masks


def check_replies(
    chat: LocalChat, number: int, ids: list[int], in_reply: list[int], n_replies: int
) -> None:
    """Check the reply masks of conversation `number`.

    Raises:
        AdaptLabError: if the template does not mark every reply up to its end token.
    """
    runs = [
        [token for token, _ in run]
        for marked, run in groupby(zip(ids, in_reply), key=lambda pair: pair[1])
        if marked
    ]
    if len(runs) != n_replies:
        raise AdaptLabError(
            f"The chat template of {chat.name} marks {len(runs)} of the {n_replies} replies of"
            f" conversation {number}. Put {{% generation %}} and {{% endgeneration %}} around every"
            " reply in it."
        )
    ends = {*chat.template.end_ids, chat.tokenizer.eos_token_id}
    if any(ends.isdisjoint(run) for run in runs):
        raise AdaptLabError(
            f"The chat template of {chat.name} marks replies without their end token, so a"
            " model would not learn to stop. Put the end token before {% endgeneration %}"
            " in it."
        )
