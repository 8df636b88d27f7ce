"""The docstrings as a corpus: questions out of their documents, none twice, and two parts that
share no library.
"""

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.docstrings import KINDS, MEASURED, TUNED_ON, docstring_corpus


def words(text: str) -> str:
    return " ".join("".join(c if c.isalnum() or c == "_" else " " for c in text.lower()).split())


@pytest.fixture(scope="module")
def corpus():
    return docstring_corpus(("networkx", "peft"))


def test_questions_are_left_out_of_their_documents(corpus):
    documents, questions = corpus
    assert (
        len(documents) > 800
        and len({document.source for document in documents}) == len(documents)
        and {item.kind for item in questions} == set(KINDS)
    )
    everything = f" {' | '.join(words(document.text) for document in documents)} "
    assert not [item for item in questions if f" {words(item.text)} " in everything], (
        "a document holds the words of a question"
    )
    assert len({words(item.text) for item in questions}) == len(questions) > 1000


def test_what_the_reranker_learns_from_is_never_measured(corpus):
    assert not set(MEASURED) & set(TUNED_ON)
    assert {item.source.split(".")[0] for item in corpus[1]} == {"networkx", "peft"} and {
        item.source for item in corpus[1]
    } <= {d.source for d in corpus[0]}


def test_the_same_on_every_run_and_a_sentence_for_what_is_not_there(corpus):
    assert docstring_corpus(("networkx", "peft")) == corpus
    with pytest.raises(AdaptLabError, match="no_such_package is not installed"):
        docstring_corpus(("no_such_package",))
