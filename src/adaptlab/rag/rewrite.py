"""Rewrite: versions of a query, by templates or by a model; each function maps queries to lists of
texts to search for.
"""

import re
from collections.abc import Sequence

from adaptlab.models.chat import Chat, texts

_POLITE = re.compile(
    r"^(?:(?:please|can you|could you|do you know|tell me|say|i would like to know|i want to find"
    r" out)\b|quick question:|a customer asks:)[ ,:]*",
    re.IGNORECASE,
)


def plain_versions(queries: Sequence[str]) -> list[list[str]]:
    """Each query as it is, without its polite opening, and as its content words: versions by
    template.
    """
    return [
        list(dict.fromkeys([query, bare := _bare(query), _content(bare) or bare]))
        for query in queries
    ]


def _bare(query: str) -> str:
    while (shorter := _POLITE.sub("", query)) != query and shorter:
        query = shorter
    return query


def _content(query: str) -> str:
    from bm25s.stopwords import STOPWORDS_EN

    return " ".join(word for word in re.findall(r"\w+", query) if word.lower() not in STOPWORDS_EN)


def model_versions(chat: Chat, n: int = 2):
    """Each query as it is, and `n` times in the model's words, sampled."""

    def rewrite(queries: Sequence[str]) -> list[list[str]]:
        asked = [
            [{"role": "user", "content": f"Ask this in other words: {query}"}]
            for query in queries
            for _ in range(n)
        ]
        said = texts(chat, asked, max_new_tokens=48, temperature=0.8)
        return [
            [query, *filter(str.strip, said[i * n : (i + 1) * n])]
            for i, query in enumerate(queries)
        ]

    return rewrite


def hypothetical_documents(chat: Chat):
    """A sentence that would answer the query, made up by the model, in the query's place: HyDE, Gao
    et al. 2022.
    """

    def rewrite(queries: Sequence[str]) -> list[list[str]]:
        asked = [
            [
                {
                    "role": "user",
                    "content": f"Please write a sentence that would answer this: {query}",
                }
            ]
            for query in queries
        ]
        return [
            [text.strip() or query]
            for query, text in zip(queries, texts(chat, asked, max_new_tokens=48))
        ]

    return rewrite
