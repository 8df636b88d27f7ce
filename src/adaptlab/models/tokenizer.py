"""The embedded models' tokenizer: byte-level BPE with single digits, and a chat template of five
marks.
"""

import itertools

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from adaptlab.messages import ROLES
from adaptlab.world import documents, mixture

VOCABULARY_SIZE = 3072
DOC = "<|doc|>"
END = "<|end|>"
SPECIAL = ("<|pad|>", DOC, END, *(f"<|{role}|>" for role in ROLES))

# A space goes before every content, so that a word is the same token at the start of a turn as
# inside a sentence.
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|> {% if m['role'] == 'assistant' %}{% generation %}{{"
    " m['content'] }}<|end|>{% endgeneration %}{% else %}{{ m['content'] }}<|end|>{% endif %}{%"
    " endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def _corpus(n: int):
    """Return text to learn merges from: a sample of everything, and each name often enough to
    become one token.
    """
    for word in documents.vocabulary():
        yield f" {word} {word}\n" * 200
    for pieces in itertools.islice(mixture.documents("tokenizer", mixture.DOCUMENTS), n):
        yield "".join(text for text, _ in pieces)
    for messages in itertools.islice(mixture.conversations("tokenizer"), n):
        yield "\n".join(" " + message["content"] for message in messages)


def train_tokenizer(n_documents: int = 20_000) -> PreTrainedTokenizerFast:
    """Learn the merges from the texts of the invented world."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(n_documents), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL[0],
        bos_token=DOC,
        eos_token=END,
        padding_side="left",
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
