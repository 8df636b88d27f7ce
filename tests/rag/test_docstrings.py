"""The docstrings as a corpus: questions out of their documents, none twice, and two parts that share no document."""

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.docstrings import KINDS, docstring_corpus


def words(text: str) -> str:
    return " ".join("".join(c if c.isalnum() or c == "_" else " " for c in text.lower()).split())


@pytest.fixture(scope="module")
def corpus():
    return docstring_corpus(("networkx", "peft"))


def test_questions_are_left_out_of_their_documents(corpus):
    documents, questions = corpus
    assert len(documents) > 800 and len({document.source for document in documents}) == len(documents) and {item.kind for item in questions} == set(KINDS)
    everything = f" {' | '.join(words(document.text) for document in documents)} "
    assert not [item for item in questions if f" {words(item.text)} " in everything], "a document holds the words of a question"
    assert len({words(item.text) for item in questions}) == len(questions) > 1000


def test_tuning_and_test_share_no_document(corpus):
    parts = [{item.source for item in corpus[1] if item.split == split} for split in ("tune", "test")]
    assert not parts[0] & parts[1] and min(map(len, parts)) > 300


def test_the_same_on_every_run_and_a_sentence_for_what_is_not_there(corpus):
    assert docstring_corpus(("networkx", "peft")) == corpus
    with pytest.raises(AdaptLabError, match="no_such_package is not installed"):
        docstring_corpus(("no_such_package",))
