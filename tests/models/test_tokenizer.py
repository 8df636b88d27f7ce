"""The tokenizer, the chat template and the loss mask, token by token."""

import itertools

from adaptlab.messages import assistant, data, system, user
from adaptlab.models.encode import conversation_pieces, document_pieces, encode_all
from adaptlab.world import documents, mixture

TALK = [
    system("Be brief."),
    data("[1] The lamp is red."),
    user("What colour is the lamp?"),
    assistant("red [1]"),
    user("And 47 + 8?"),
    assistant("55"),
]


def test_every_name_and_value_is_one_token(tokenizer):
    assert [
        word
        for word in documents.vocabulary()
        if len(tokenizer.encode(f" {word}", add_special_tokens=False)) != 1
    ] == []


def test_digits_are_single_and_any_text_survives(tokenizer):
    assert tokenizer.tokenize("1234") == ["1", "2", "3", "4"]
    for text in ("naïve façade 北京 🙂", "tabs\tand\nlines", "x" * 300):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_template_token_by_token(tokenizer):
    text = tokenizer.apply_chat_template(TALK[:4], tokenize=False)
    assert (
        text
        == "<|system|> Be brief.<|end|><|data|> [1] The lamp is red.<|end|><|user|> What colour is"
        " the lamp?<|end|><|assistant|> red [1]<|end|>"
    )
    prompt = tokenizer.apply_chat_template(TALK[:3], tokenize=False, add_generation_prompt=True)
    assert text.startswith(prompt) and prompt.endswith("<|assistant|>")


def test_our_encoding_is_the_templates_and_the_mask_covers_just_what_the_assistant_says(tokenizer):
    ours = encode_all(tokenizer, [conversation_pieces(TALK)])[0]
    theirs = tokenizer.apply_chat_template(
        TALK, return_dict=True, return_assistant_tokens_mask=True
    )
    assert ours.ids.tolist() == theirs["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ours.ids[ours.weights == 1]) == [
        "Ġred",
        "Ġ[",
        "1",
        "]",
        "<|end|>",
        "Ġ",
        "5",
        "5",
        "<|end|>",
    ]
    trained = [i for i, weight in enumerate(ours.weights) if weight]
    assert set(trained) - {i for i, m in enumerate(theirs["assistant_masks"]) if m} <= {
        trained[0],
        trained[4],
        trained[5],
    }, "all but the leading space"


def test_the_weights_cover_just_the_characters_that_carry_them(tokenizer):
    """In documents of every kind: the tokens of full weight spell the pieces of full weight, to the
    letter.
    """
    kinds = (
        mixture.REPETITION
        | mixture.WORDS
        | mixture.DOCUMENTS
        | mixture.SKILLS
        | mixture.SUMS
        | mixture.BESIDE_CHAT
        | mixture.BESIDE_DRILL
    )
    for pieces in itertools.islice(mixture.documents("pieces", dict.fromkeys(kinds, 1.0)), 600):
        pieces = document_pieces(pieces)
        text = "".join(piece for piece, _ in pieces)
        ours = encode_all(tokenizer, [pieces])[0]
        assert tokenizer.decode(ours.ids) == text
        assert ours.ids.tolist() == tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ours.ids[ours.weights == 1]) == "".join(
            piece for piece, weight in pieces if weight == 1
        )
