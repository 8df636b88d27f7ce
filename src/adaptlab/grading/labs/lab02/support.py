"""Lab 02, support: what is right, and what wrong answers believe."""

import re

from adaptlab.grading.exercise import Exercise, wrong

CITATION = re.compile(r"\[\s*\d+(?:[\s,]+\d+)*\s*\]")


CLAIM_WORDS = ("Orbit", "fan", "27", "euros", "Größe", "is", "art", "the", "blue", "Puffin", "two")


CHUNK_WORDS = (*CLAIM_WORDS, "127", "party", "GRÖSSE", "handles", "thesis")


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def cited(claim: str) -> list[int]:
    return [
        int(number) for group in CITATION.findall(claim) for number in re.findall(r"\d+", group)
    ]


def shares(
    claims,
    chunks,
    said=lambda claim: set(words(CITATION.sub(" ", claim))),
    read=cited,
    held=None,
    all_chunks: bool = False,
) -> list[float]:
    """The share of each claim's words that its chunks hold; the misconceptions count, read or look
    up otherwise. `held(word, texts)`: whether it is held.
    """
    found = held or (lambda word, texts: any(word in words(text) for text in texts))
    out = []
    for claim in claims:
        texts = [chunks[number - 1] for number in read(claim) if 1 <= number <= len(chunks)]
        texts = chunks if all_chunks and texts else texts
        mine = list(said(claim))
        out.append(sum(found(word, texts) for word in mine) / len(mine) if mine and texts else 0.0)
    return out


def invented(claims, chunks, least: int = 1, read=cited) -> list[int]:
    return sorted(
        {number for claim in claims for number in read(claim) if not least <= number <= len(chunks)}
    )


class support(Exercise):
    """The share of a claim's words that are words of the chunks it cites, and the numbers that
    stand for no chunk.
    """

    @staticmethod
    def draw(rng):
        n = int(rng.integers(2, 5))
        chunks = [
            " ".join(rng.choice(CHUNK_WORDS, size=rng.integers(4, 8))) + "." for _ in range(n)
        ]
        claims = []
        for _ in range(rng.integers(2, 7)):
            a, b, c = rng.permutation(n + 1)[:3] + (0 if rng.random() < 0.25 else 1)
            end = str(
                rng.choice(
                    [
                        "",
                        f" [{a}]",
                        f" [{a}]",
                        f" [{a}, {b}]",
                        f" [{a}, {b}]",
                        f" [{a}][{c}]",
                        f" [{n + 4}]",
                        f" [sic] [{b}]",
                    ]
                )
            )
            claims.append(" ".join(rng.choice(CLAIM_WORDS, size=rng.integers(2, 7))) + end + ".")
        return claims, chunks

    @staticmethod
    def edges():
        chunks = ["The Orbit fan costs 127 euros.", "It is blue, and it is art.", "Größe: 27"]
        return [
            (["The fan is blue [2].", "The fan is blue [1, 2]", "Blue [1] and 27 [3]."], chunks),
            (["The Orbit costs 27 euros [1].", "the the the fan [2]", "GRÖSSE 27 [3]"], chunks),
            (["It is art [0].", "It is art [4][2].", "It is art."], chunks),
            ([], chunks),
            (["Nothing was found [1]."], []),
            (["[1]", "", "[2, 9]"], chunks),
        ]

    @staticmethod
    def right(claims, chunks):
        return {"support": shares(claims, chunks), "invented": invented(claims, chunks)}

    @staticmethod
    @wrong(
        "You look in all chunks. A claim is supported by the chunks that it cites, and by no"
        " others: that is what the number promises."
    )
    def any_chunk(claims, chunks):
        return {
            "support": shares(claims, chunks, all_chunks=True),
            "invented": invented(claims, chunks),
        }

    @staticmethod
    @wrong(
        "For you a claim that cites an existing chunk is supported. The chunk has to say so: look"
        " at the words."
    )
    def exists(claims, chunks):
        return {
            "support": shares(claims, chunks, held=lambda word, texts: True),
            "invented": invented(claims, chunks),
        }

    @staticmethod
    @wrong(
        "The numbers in the citations are counted as words of the claim. Take the citations out"
        " before you look for words."
    )
    def numbers_are_words(claims, chunks):
        return {
            "support": shares(claims, chunks, said=lambda claim: set(words(claim))),
            "invented": invented(claims, chunks),
        }

    @staticmethod
    @wrong("A word that a claim says three times is counted three times. Each word counts once.")
    def repeats_count(claims, chunks):
        return {
            "support": shares(claims, chunks, said=lambda claim: words(CITATION.sub(" ", claim))),
            "invented": invented(claims, chunks),
        }

    @staticmethod
    @wrong("You look for letters, not for words: 27 stands in 127, and art in party.")
    def letters(claims, chunks):
        return {
            "support": shares(
                claims, chunks, held=lambda word, texts: any(word in text.lower() for text in texts)
            ),
            "invented": invented(claims, chunks),
        }

    @staticmethod
    @wrong("You count chunks from 0. Number 1 is the first.")
    def from_zero(claims, chunks):
        return {
            "support": shares(
                claims, chunks, read=lambda claim: [number + 1 for number in cited(claim)]
            ),
            "invented": sorted(
                {number for claim in claims for number in cited(claim) if number >= len(chunks)}
            ),
        }

    @staticmethod
    @wrong("Of several numbers in one pair of brackets you read the first alone.")
    def first_number(claims, chunks):
        def read(claim):
            return [int(re.findall(r"\d+", group)[0]) for group in CITATION.findall(claim)]

        return {
            "support": shares(claims, chunks, read=read),
            "invented": invented(claims, chunks, read=read),
        }

    @staticmethod
    @wrong("You read brackets with a single number alone. [1, 3] is a citation, too.")
    def single_numbers(claims, chunks):
        def read(claim):
            return [int(number) for number in re.findall(r"\[(\d+)\]", claim)]

        def said(claim):
            return set(words(re.sub(r"\[\d+\]", " ", claim)))

        return {
            "support": shares(claims, chunks, said=said, read=read),
            "invented": invented(claims, chunks, read=read),
        }

    @staticmethod
    @wrong("Each word has to be held by one of the cited chunks; you ask that all of them hold it.")
    def in_every_chunk(claims, chunks):
        every = shares(
            claims, chunks, held=lambda word, texts: all(word in words(text) for text in texts)
        )
        return {"support": every, "invented": invented(claims, chunks)}

    @staticmethod
    @wrong(
        "The number 0 passes for a chunk. There is none: Python's place -1 would be the last one,"
        " and nothing would warn you."
    )
    def zero_passes(claims, chunks):
        def read(claim):
            return [number or len(chunks) for number in cited(claim)]

        return {
            "support": shares(claims, chunks, read=read),
            "invented": invented(claims, chunks, least=0),
        }

    @staticmethod
    @wrong(
        "You divide by the words of the chunks. The question is how much of the claim is held, so"
        " the claim's words are the whole."
    )
    def of_the_chunks(claims, chunks):
        out = []
        for claim in claims:
            mine = set(words(CITATION.sub(" ", claim)))
            texts = {
                word
                for number in cited(claim)
                if 1 <= number <= len(chunks)
                for word in words(chunks[number - 1])
            }
            out.append(len(mine & texts) / len(texts) if texts else 0.0)
        return {"support": out, "invented": invented(claims, chunks)}
