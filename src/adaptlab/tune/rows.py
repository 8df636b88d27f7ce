"""Convert conversations and plain texts to token ids and labels, exact to the token."""

from collections.abc import Sequence

from trl.chat_template_utils import get_training_chat_template

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.chat import check_text
from adaptlab.models.local import LocalChat
from adaptlab.tune.loss_mask import by_prefixes, check_replies, masks_of_characters, reply_labels

SHOWN = 5  # overlong texts that an error names


def refuse_control_tokens(chat: LocalChat, messages: Messages, where: str) -> None:
    """Check the replies for control tokens: the template adds its own.

    Raises:
        AdaptLabError: if a learned reply contains one.
    """
    for place, message in enumerate(messages, 1):
        if message["role"] == "assistant" and (
            token := chat.template.control_token(message["content"])
        ):
            raise AdaptLabError(
                f"Message {place} of {where} contains the control token {token}. Remove it"
                " from the data: the chat template adds its own."
            )


def _check_kind(number: int, messages: object) -> None:
    """Check a conversation.

    Raises:
        AdaptLabError: if it is not a list of messages of text.
    """
    if not isinstance(messages, Sequence) or not messages or not all(map(_is_message, messages)):
        fix = 'Give a list of {"role": ..., "content": ...}'
        raise AdaptLabError(f"Conversation {number} is empty, or not a list of messages. {fix}.")
    for place, message in enumerate(messages, 1):
        for key in ("role", "content"):
            check_text(message[key], f"The {key} of message {place} of conversation {number}")


def _is_message(message: object) -> bool:
    return isinstance(message, dict) and {"role", "content"} <= message.keys()


def _ids_and_masks(
    chat: LocalChat, conversations: Sequence[Messages]
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the token ids and the masks of replies.

    Templates mark replies themselves, or TRL knows how to mark them in those of common models. For
    the others, prompts tell where a reply begins.
    """
    try:
        template = get_training_chat_template(chat.tokenizer)
    except ValueError:
        return by_prefixes(chat, conversations)
    for messages in conversations:
        chat.template.render(messages, template=template)
    made = chat.tokenizer.apply_chat_template(
        conversations,
        chat_template=template,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    masks = masks_of_characters(made)
    if any(map(any, masks)):
        return made["input_ids"], masks
    return by_prefixes(chat, conversations)  # older versions of TRL return a template without marks


def tokenized(
    chat: LocalChat, conversations: Sequence[Messages], max_length: int
) -> list[dict[str, list[int]]]:
    """Return `input_ids` and `labels` of each conversation, unshifted: a label is the token itself.

    Trainer and models shift them. Labels cover the assistant's words and their end token, except
    for replies of weight 0.

    Raises:
        AdaptLabError: if a conversation is longer than max_length: cut off, it would teach the
            model to stop early.
    """
    if not conversations:
        return []
    chat.template.require()
    for number, messages in enumerate(conversations, 1):
        _check_kind(number, messages)
        refuse_control_tokens(chat, messages, f"conversation {number}")
    known = [chat.known_roles(messages) for messages in conversations]
    all_ids, masks = _ids_and_masks(chat, known)
    rows = []
    for number, (messages, ids, in_reply) in enumerate(zip(conversations, all_ids, masks), 1):
        weights = [
            message.get("weight", 1) for message in messages if message["role"] == "assistant"
        ]
        check_replies(chat, number, ids, in_reply, len(weights))
        rows.append({"input_ids": ids, "labels": reply_labels(ids, in_reply, weights)})
    _refuse_overlong(rows, max_length)
    return rows


def tokenized_documents(
    chat: LocalChat, documents: Sequence[str], max_length: int
) -> list[dict[str, list[int]]]:
    """Return `input_ids` and `labels` of plain texts, as in pre-training.

    A text is between the tokenizer's marks of beginning and end, and every token is learned.
    """
    marks = [
        [token] if token is not None else []
        for token in (chat.tokenizer.bos_token_id, chat.tokenizer.eos_token_id)
    ]
    if isinstance(documents, str):
        raise AdaptLabError("The documents are a single text. Give a list of texts.")
    for number, document in enumerate(documents, 1):
        check_text(document, f"Document {number}")
    rows = []
    for ids in (
        chat.tokenizer(list(documents), add_special_tokens=False)["input_ids"] if documents else []
    ):
        whole = [*marks[0], *ids, *marks[1]]
        rows.append({"input_ids": whole, "labels": whole[:]})
    _refuse_overlong(rows, max_length)
    return rows


def _refuse_overlong(rows: list[dict], max_length: int) -> None:
    overlong = [
        f"{number} ({len(row['input_ids'])})"
        for number, row in enumerate(rows, 1)
        if len(row["input_ids"]) > max_length
    ]
    if overlong:
        more = f" and {len(overlong) - SHOWN} more" if len(overlong) > SHOWN else ""
        raise AdaptLabError(
            f"Texts longer than {max_length} tokens: number {', '.join(overlong[:SHOWN])}{more}."
            " Shorten them, or raise max_length."
        )
