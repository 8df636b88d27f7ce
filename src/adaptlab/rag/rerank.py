"""Rerank: score the first hits again, by a model that reads query and chunk together."""

import logging
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property

from adaptlab.checks import check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.models.load_model import checked_folder, from_hub
from adaptlab.models.precision import number_format
from adaptlab.progress import bars_are_on
from adaptlab.rag.embed import LONG, MARKS, minilm_folder, together, uncut
from adaptlab.rag.filters import Where
from adaptlab.rag.fuse import reciprocal_rank_fusion, with_stages
from adaptlab.rag.retrieve import Hit, Retriever, check_retriever, checked_scores, first_depth

EMBEDDED = "embedded:reranker"
MAX_TOKENS = 192  # of query and text together


class Reranked:
    """The `depth` first hits of a retriever, scored again by a second, slower model.

    With `fuse` both rankings count equally, by their reciprocal ranks. Without it only the second
    score orders the hits, which helps if the reranker knows the kind of text. The embedded reranker
    degrades the ranking on every collection outside its training; fused it does not.
    """

    def __init__(
        self,
        retriever: Retriever,
        score: Callable[[list[tuple[str, str]]], Sequence[float]],
        depth: int = 20,
        fuse: bool = True,
    ):
        check_retriever(retriever)
        check_whole(depth, "depth", 1)
        if not callable(score):
            problem = f"The score of a reranker is {type(score).__name__}, not a function"
            raise AdaptLabError(f"{problem}. Give a function of pairs, for example CrossEncoder().")
        self.retriever = retriever
        self.score = score
        self.depth = depth
        self.fuse = fuse
        self.collection = retriever.collection

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        depth = first_depth(k, self.depth, len(self.collection))
        found = self.retriever.search(queries, depth, where)
        asked = [(query, hit) for query, hits in zip(queries, found) for hit in hits]
        pairs = [(query, hit.chunk.in_context()) for query, hit in asked]
        scores = iter(checked_scores(self.score(pairs), len(pairs)))
        reranked = []
        for hits in found:
            read = [hit.scored("reranked", next(scores)) for hit in hits]
            again = sorted(read, key=lambda hit: -hit.score)
            reranked.append(self._fused(hits, again, k) if self.fuse else again[:k])
        return reranked

    def _fused(self, hits: list[Hit], again: list[Hit], k: int) -> list[Hit]:
        return with_stages(reciprocal_rank_fusion([hits, again])[:k], [again], "fused")


class CrossEncoder:
    """Scores of (query, text) pairs by a sentence-transformers cross-encoder: embedded, hub
    (`hub:org/name`) or folder.

    The embedded one was fine-tuned on docstrings and handbooks. On other text, fuse it with the
    first ranking, as `Reranked` does by default. It computes in `dtype`, by default in the format
    in which this machine trains. In bfloat16 the embedded one's scores move by up to 0.006, where
    they spread by 0.15.
    """

    def __init__(self, model: str = EMBEDDED, dtype: str = ""):
        self.name = model
        self.model = _embedded() if model == EMBEDDED else _other(model)
        self.window: int = self.model.tokenizer.model_max_length
        self.model.to(number_format(self.model.device.type, dtype).dtype)

    @cached_property
    def _counter(self):
        return uncut(self.model.tokenizer)

    def _warn_of_cut(self, pairs: list[tuple[str, str]]) -> None:
        """Warn how many texts have an end that was not scored."""
        # No token is shorter than a byte: most pairs need no counting.
        long = [pair for pair in pairs if len("".join(pair).encode()) + MARKS > self.window]
        n = sum(len(encoding) > self.window for encoding in self._counter.encode_batch(long))
        if n:
            lost = f"{n} of {len(pairs)} texts with their query are longer than the {self.window}"
            problem = f"{lost} tokens that {self.name} reads, so their ends are not scored"
            warnings.warn(f"{problem}. Cut smaller chunks.", stacklevel=3)

    def __call__(self, pairs: list[tuple[str, str]]) -> Sequence[float]:
        self._warn_of_cut(pairs)
        return (
            self.model.predict(
                pairs,
                batch_size=together(self.model.device.type),
                show_progress_bar=len(pairs) > LONG and bars_are_on(),
            )
            if pairs
            else []
        )


def _embedded():
    """Return MiniLM from its package, merged with the adapter of `tune.reranker`, which saves a
    fifth of the time.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from sentence_transformers import CrossEncoder as Model
    from transformers.utils import logging as loading

    loading.set_verbosity_error()  # otherwise it warns of a new head, which the adapter replaces
    loading.disable_progress_bar()
    # Otherwise it warns that an embedder becomes a cross-encoder, which is intended.
    logging.getLogger("sentence_transformers.base.model").setLevel(logging.ERROR)
    model = Model(str(minilm_folder()), num_labels=1, max_length=MAX_TOKENS)
    model.load_adapter(checked_folder("reranker"))
    for layer in model.modules():
        if isinstance(layer, BaseTunerLayer):
            layer.merge()
    return model


def _other(model: str):
    from sentence_transformers import CrossEncoder as Model

    source = from_hub(model.removeprefix("hub:"))
    try:
        return Model(source)
    except Exception as error:  # it raises several errors for damaged files
        raise AdaptLabError(
            f"The reranker {model} could not be loaded. Give {EMBEDDED}, hub:org/name (online or"
            " fetched) or a folder."
        ) from error
