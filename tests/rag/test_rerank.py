"""What cannot be loaded as a reranker is a sentence."""

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.rerank import CrossEncoder


def test_a_reranker_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(AdaptLabError, match="could not be loaded"):
        CrossEncoder(str(tmp_path))
