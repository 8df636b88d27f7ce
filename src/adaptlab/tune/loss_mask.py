"""The loss mask: labels that are token ids for the learned reply tokens, and IGNORED elsewhere."""

from collections.abc import Sequence
from itertools import groupby

from transformers import BatchEncoding

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat

IGNORED = -100  # the label of a token that is not learned, as in PyTorch's cross-entropy
NO_REPLIES = (
    "The chat template of {} does not mark replies, and conversation {} does not begin with the"
    " prompt of its reply {}. Add {{% generation %}} and {{% endgeneration %}} around every reply."
)


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


def by_prefixes(
    chat: LocalChat, conversations: Sequence[Messages]
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the token ids and the masks of replies, for a template that does not mark them.

    A reply is what a conversation has after the prompt that asks for it, up to its end token.

    Raises:
        AdaptLabError: if the template renders the turns before a reply differently from its prompt,
            as some do that leave out thoughts.
    """
    all_ids, masks = [], []
    for number, messages in enumerate(conversations, 1):
        whole = chat.template.render(messages)
        spans = _reply_spans(chat, number, messages, whole)
        made = chat.tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
        ids = made["input_ids"]
        mask = [0] * len(ids)
        for start, end in spans:
            for place, (first, last) in enumerate(made["offset_mapping"]):
                # A character of several tokens has the same span in each.
                if start <= first and last <= end:
                    mask[place] = 1
                    if ids[place] in chat.template.end_ids:
                        break
        all_ids.append(ids)
        masks.append(mask)
    return all_ids, masks


def _reply_spans(
    chat: LocalChat, number: int, messages: Messages, whole: str
) -> list[tuple[int, int]]:
    """Return the places of the replies in the text of a whole conversation, with their ends."""
    places = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    spans = []
    for count, place in enumerate(places, 1):
        before = chat.template.render(messages[:place], prompt=True) if place else None
        until = chat.template.render(messages[: place + 1])
        if before is None or not (whole.startswith(until) and until.startswith(before)):
            raise AdaptLabError(NO_REPLIES.format(chat.name, number, count))
        spans.append((len(before), len(until)))
    return spans
