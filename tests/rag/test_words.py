"""Words of every script are found by keyword search, and nothing but stop words finds nothing."""

import random
from datetime import date

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import chunk, n_sentences
from adaptlab.rag.collection import Collection
from adaptlab.rag.document import Document
from adaptlab.rag.retrieve import BM25Retriever
from adaptlab.rag.tokenize import _SPACED, _any_script, languages, stemmed_words


class Same:
    """Every text has one vector: what is found is found by words."""

    name = "same"
    dimension = 4

    def encode(self, texts):
        return np.tile(np.array([[1, 0, 0, 0]], np.float32), (len(texts), 1))


def collection(*texts: str) -> Collection:
    made = Collection(Same())
    made.add(chunk([Document(text, str(i), "", date(2026, 1, 1)) for i, text in enumerate(texts)]))
    return made


TEXTS = (
    "Statistics with R",
    "Version 5 and C++",
    "退货政策：三十天内可以退货。",
    "C is older than C#.",
    "営業時間は朝八時から夕方六時まで",
    "환불은 삼십일 안에 가능합니다",
    "คืนสินค้าได้ภายในสามสิบวัน",
    "हिन्दी में लिखा हुआ",
    "Vera's CAFE\u0301 ＡＢＣ",
    "日本語F#入門",
    "İstanbul'da",
    "Great 👍🏽, a 👩\u200d💻 with ❤\ufe0f",
)


@pytest.mark.parametrize(
    "query, found",
    [
        ("R", [0]),
        ("r", [0]),
        ("5", [1]),
        ("C++", [1]),
        ("c++?", [1]),
        ("C#", [3]),
        ("C", [3]),
        ("退货", [2]),
        ("退", [2]),
        ("货退", []),
        ("営業", [4]),
        ("환불", [5]),
        ("สินค้า", [6]),
        ("हिन्दी", [7]),
        ("café", [8]),
        ("abc", [8]),
        ("s", []),
        ("version 退货", [1, 2]),
        ("a the", []),
        ("F#", [9]),
        ("f#", [9]),
        ("istanbul", [10]),
        ("İSTANBUL", [10]),
        ("👍", [11]),
        ("👍🏿", [11]),
        ("💻", [11]),
        ("❤", [11]),
        ("🙂", []),
    ],
)
def test_single_letters_digits_and_scripts_without_spaces_are_found(query, found):
    (hits,) = BM25Retriever(collection(*TEXTS)).search([query], len(TEXTS))
    assert sorted(int(hit.chunk.source) for hit in hits) == found


def test_capitals_of_turkish_are_those_of_its_small_letters():
    made = BM25Retriever(collection("Isparta gülleri", "İzmir körfezi"), language="turkish")
    found = made.search(["ısparta", "ISPARTA", "izmir", "İZMİR", "Izmir"], 2)
    assert [[hit.chunk.source for hit in hits] for hits in found] == [
        ["0"],
        ["0"],
        ["1"],
        ["1"],
        [],
    ]


def test_stop_words_alone_find_nothing_and_raise_nothing():
    made = collection("the of and", "is a")
    assert BM25Retriever(made).search(["lamp", "the"], 1) == [[], []]
    assert BM25Retriever(made).search(["lamp"], 1, lambda c: False) == [[]]
    assert BM25Retriever(collection("lamp")).search(["the", "?!"], 1) == [[], []]
    assert [
        hit.chunk.source for hit in BM25Retriever(made, language=None).search(["the"], 2)[0]
    ] == ["0"]


def test_the_quick_pattern_gives_the_words_of_the_whole_one():
    rng = random.Random(0)
    for _ in range(2000):
        text = "".join(rng.choice("aB5é _'’+#.-x\n") for _ in range(12))
        assert _SPACED.findall(text) == [word for _, word in _any_script().findall(text)]


def test_a_language_has_its_stems_and_stop_words():
    assert stemmed_words(["die Häuser und der Garten"], "german") == [["haus", "gart"]]
    assert stemmed_words(["the houses"], None) == [["the", "houses"]]
    assert {"english", "german", "chinese", "finnish"} <= set(languages())
    german = BM25Retriever(collection("Das Haus ist alt", "Ein Garten"), language="german")
    assert [hit.chunk.source for hit in german.search(["Häuser"], 2)[0]] == ["0"]
    with pytest.raises(AdaptLabError, match="'klingon'"):
        BM25Retriever(collection("x"), language="klingon")


@pytest.mark.parametrize(
    "text, n",
    [
        ("退货。可以！好？", 3),
        ("好？！是", 2),
        ("「好。」", 1),
        ("他说「好。」然后走。", 2),
        ("राम। घर।", 2),
        ("نعم؟ لا", 2),
        ("Hi. 退货。", 2),
        ("Really?!", 1),
    ],
)
def test_sentences_of_other_scripts_are_counted(text, n):
    assert n_sentences(text) == n


def test_chunks_of_sentences_of_chinese_are_sentences():
    text = "".join(f"第{i}条可以退货。" for i in range(9))
    pieces = chunk([Document(text, "s", "", date(2026, 1, 1))], 3, 0, "sentences")
    assert (
        all(n_sentences(piece.text) <= 3 for piece in pieces)
        and "".join(p.text for p in pieces) == text
    )
