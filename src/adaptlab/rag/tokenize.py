"""Words: the units of keyword search, in any script: in small letters, stemmed, without stop
words.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import groupby

from adaptlab.errors import AdaptLabError
from adaptlab.progress import bars_are_on
from adaptlab.rag.embed import check_texts

# Scripts that put no spaces between words (and Korean, which puts endings on them): Han, kana,
# Hangul, Thai, Lao, Burmese, Khmer. Their runs are cut into pairs of letters, as Lucene does.
_UNSPACED = (
    "\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff\u1100-\u11ff\uac00-\ud7af\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_DOTLESS = str.maketrans("I", "ı")  # the small letter of I in Turkish
_EMOJI = "\u2600-\u27bf\U0001f000-\U0001f3fa\U0001f400-\U0001faff"  # without tones of skin
_UNSEEN = re.compile("[\u00ad\u200b\u200c\u200d\u2060]")  # joiners and soft hyphens


def stemmed_words(
    texts: Sequence[str],
    language: str | None = "english",
    of_queries: bool = False,
) -> list[list[str]]:
    """Return the words of each text as BM25 counts them, for a language of `languages()`, or None.

    Single letters, digits and emoji are words, and so are C++ and F#. A run of letters of a script
    without spaces becomes its letters and its pairs of letters. In a query it becomes only the
    pairs, unless it is a single letter, so that one common letter finds nothing.
    """
    import bm25s

    check_texts(texts)
    stopwords, stemmer = _rules(language)
    if language == "turkish":
        texts = [text.translate(_DOTLESS) for text in texts]
    spaced = [" ".join(_cut(text, of_queries)) for text in texts]
    return bm25s.tokenize(
        spaced,
        token_pattern=r"\S+",
        stopwords=stopwords,
        stemmer=stemmer,
        return_ids=False,
        show_progress=len(texts) > 20_000 and bars_are_on(),
    )


def languages() -> list[str]:
    """Return the languages with a stemmer or a list of stop words."""
    import Stemmer

    return sorted({*Stemmer.algorithms(), *_stopwords()} - {"porter", "dutch_porter"})


@cache
def _stopwords() -> dict[str, list[str]]:
    """Return the lists of bm25s by the name of their language."""
    from bm25s import stopwords

    names = [name for name in dir(stopwords) if name.startswith("STOPWORDS_")]
    lists = {n.removeprefix("STOPWORDS_").lower(): list(getattr(stopwords, n)) for n in names}
    lists["english"] = lists.pop("en")
    return {language: found for language, found in lists.items() if language != "en_plus"}


def _rules(language: str | None) -> tuple[list[str], object]:
    """Return (stop words, stemmer or None) of a language.

    Raises:
        AdaptLabError: if the language is not supported.
    """
    import Stemmer

    if language is None:
        return [], None
    if language not in languages():
        known = ", ".join(languages())
        raise AdaptLabError(
            f"The language {language!r} is not supported. Give None or one of {known}."
        )
    stemmer = Stemmer.Stemmer(language) if language in Stemmer.algorithms() else None
    return _stopwords().get(language, []), stemmer


def _cut(text: str, of_queries: bool) -> list[str]:
    normal = text if text.isascii() else _normal(text)
    if text.isascii() or not _unusual().search(normal):
        return _SPACED.findall(normal)  # the same words as below, in a third of the time
    words: list[str] = []
    for run, word in _any_script().findall(normal):
        words += _pairs(run, of_queries) if run else [word]
    return words


def _normal(text: str) -> str:
    """Return one spelling of each letter. Python's small letter of İ would be an i with a second
    dot.
    """
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).replace("İ", "i")


def _pairs(run: str, of_queries: bool) -> list[str]:
    pairs = [run[i : i + 2] for i in range(len(run) - 1)]
    return pairs if of_queries and pairs else [*run, *pairs]


# A letter with ++ or # is a name, such as C++. The s of "Vera's" is not a word.
_SPACED = re.compile(r"(?<!\w)[^\W\d_](?:\+\+|[+#](?!\w))|\w{2,}|(?<!\w['’])[^\W_](?!\w)")


@cache
def _unusual() -> re.Pattern:
    return re.compile(f"[{_UNSPACED}{_EMOJI}{_marks()}]")


@cache
def _any_script() -> re.Pattern:
    """Return (run of unspaced letters, word), for any text; marks on letters belong to their
    word.
    """
    unspaced = _UNSPACED
    marks = _marks()
    letter = rf"[^\W{unspaced}]"
    mark = rf"(?:[{marks}](?<![{unspaced}]))"
    run = rf"[{unspaced}](?:[{unspaced}]|[{marks}])*"
    named = rf"(?<!{letter})[^\W\d_{unspaced}](?:\+\+|[+#](?!{letter}))"
    alone = rf"(?<!\w['’])[^\W_{unspaced}](?!{letter})"
    return re.compile(rf"({run})|({named}|{letter}(?:{letter}|{mark})+|{alone}|[{_EMOJI}])")


def _marks() -> str:
    """Return the combining marks of Unicode as ranges of a character class."""
    points = [i for i in range(0x10000) if unicodedata.category(chr(i)).startswith("M")]
    groups = groupby(enumerate(points), key=lambda pair: pair[1] - pair[0])
    ranges = [[point for _, point in group] for _, group in groups]
    return "".join(f"{chr(found[0])}-{chr(found[-1])}" for found in ranges)
