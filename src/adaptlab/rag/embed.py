"""Embed: map texts to unit vectors, with all-MiniLM-L6-v2 from its PyPI package, another model, or
a service.
"""

import hashlib
import re
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from adaptlab.errors import AdaptLabError
from adaptlab.files import make_folder
from adaptlab.models.assets import manifest, wheel_folder
from adaptlab.models.load_model import from_hub
from adaptlab.progress import bars_are_on, progress_bar

MINILM = "all-MiniLM-L6-v2"
LONG = 100  # texts that take long enough for a bar
MARKS = 8  # tokens around a text, at most
KEPT_TOGETHER = 1000  # texts that are embedded before the cache stores them


def together(device: str) -> int:
    """Return the number of texts that share a forward pass.

    On a processor the activations of a layer should stay in its cache: eight texts at a time took
    two thirds of the time of sixty-four.
    """
    return 8 if device == "cpu" else 64


class Embedder(Protocol):
    """`name` identifies the model of a vector: vectors of two models cannot be compared.

    An embedder that cuts long texts also has `window`, its largest number of tokens, and
    `n_tokens(texts)`, which counts them (n,) before the cut. It warns of each text that it cuts.
    """

    name: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors (n, dimension) float32, one for each text."""
        ...


def encode_queries(embedder: Embedder, texts: Sequence[str]) -> np.ndarray:
    """Return vectors of questions, by `encode_query` if the embedder distinguishes them from
    documents.
    """
    check_texts(texts)
    return getattr(embedder, "encode_query", embedder.encode)(texts)


def encode_documents(embedder: Embedder, texts: Sequence[str]) -> np.ndarray:
    """Return vectors of texts to be found, by `encode_document` if the embedder has it."""
    check_texts(texts)
    return getattr(embedder, "encode_document", embedder.encode)(texts)


class Prompts(NamedTuple):
    """The prefixes of queries and documents in a model's training."""

    query: str = ""
    document: str = ""


# Models whose files state no prompts; from their model cards, by a part of their name.
_BGE = "Represent this sentence for searching relevant passages: "
_BGE_ZH = "为这个句子生成表示以用于检索相关文章："
PROMPTS = {
    r"\be5-(small|base|large)(-v2)?$": Prompts("query: ", "passage: "),
    r"\bbge-(small|base|large)-en(-v1\.5)?$": Prompts(_BGE),
    r"\bbge-(small|base|large)-zh(-v1\.5)?$": Prompts(_BGE_ZH),
}


def _after(prompt: str, texts: Sequence[str]) -> list[str]:
    check_texts(texts)
    return [prompt + text for text in texts]


def _prompts(model: str, stated: dict[str, str]) -> Prompts:
    """Return the prompts in the model's files, or those of its family, or none."""
    query = stated.get("query", "")
    document = stated.get("document") or stated.get("passage") or ""
    if query or document:
        return Prompts(query, document)
    name = model.rstrip("/").rpartition("/")[2].lower()
    known = (found for pattern, found in PROMPTS.items() if re.search(pattern, name))
    return next(known, Prompts())


def check_texts(texts: Sequence[str]) -> None:
    """Check that the texts are a list: a single text would be embedded letter by letter.

    Raises:
        AdaptLabError: if they are not a list of texts.
    """
    if isinstance(texts, str):
        raise AdaptLabError("The texts are a single text. Give a list of texts.")
    for text in texts:
        if not isinstance(text, str):
            raise AdaptLabError(f"A text is {type(text).__name__}, not text. Give a list of texts.")


def cut_texts(embedder: Any, texts: Sequence[str]) -> list[int]:
    """Return the positions of texts that are longer than the embedder's window, if it states
    one.
    """
    window = getattr(embedder, "window", None)
    if window is None:
        return []
    # No token is shorter than a byte, and the marks around a text are few: most need no counting.
    long = [i for i, text in enumerate(texts) if len(text.encode()) + MARKS > window]
    counts = embedder.n_tokens([texts[i] for i in long]) if long else []
    return [i for i, n in zip(long, counts) if n > window]


def uncut(tokenizer):
    """Return a copy that counts whole texts: changing the model's own would disturb a concurrent
    search.
    """
    from tokenizers import Tokenizer

    counter = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    counter.no_truncation()
    counter.no_padding()
    return counter


def warn_of_cut(embedder: Any, texts: Sequence[str]) -> None:
    """Warn how many texts have an end that is not embedded."""
    n = len(cut_texts(embedder, texts))
    if n:
        long = f"{n} of {len(texts)} texts are longer than the {embedder.window} tokens"
        lost = f"{long} that {embedder.name} reads, so their ends are not embedded"
        warnings.warn(f"{lost}. Cut smaller chunks, or give the embedder to `chunk`.", stacklevel=3)


@cache
def minilm_folder() -> Path:
    """Return the folder in which the package keeps the model.

    Raises:
        AdaptLabError: if the model is missing or damaged.
    """
    return wheel_folder(manifest()[MINILM])


def _name(model: str) -> str:
    """Return the name of a model; a folder's name has a hash of its weights, since its contents may
    change.
    """
    files = sorted(Path(model).glob("**/*.safetensors")) if Path(model).is_dir() else []
    if not files:
        return model
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"{model}@{digest.hexdigest()[:12]}"


class LocalEmbedder:
    """A sentence-transformers model: MiniLM from its package, a hub model (`hub:org/name`), or a
    folder.

    `prompts` precede queries and documents; by default those in the model's files or of its family
    (E5, BGE).
    """

    def __init__(self, model: str = MINILM, prompts: Prompts | None = None):
        if find_spec("sentence_transformers") is None:
            raise AdaptLabError(
                "sentence-transformers is not installed. Run: pip install sentence-transformers"
            )
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.name = _name(model)
        source = str(minilm_folder()) if model == MINILM else from_hub(model.removeprefix("hub:"))
        try:
            self.model = SentenceTransformer(source)
        except Exception as error:  # it raises several errors for damaged files
            raise AdaptLabError(
                f"The embedding model {model} could not be loaded. Give {MINILM}, hub:org/name"
                " (online or fetched) or a folder."
            ) from error
        self.window: int | None = self.model.max_seq_length
        self.prompts = _prompts(model, self.model.prompts) if prompts is None else prompts
        if self.prompts.document:  # other vectors than those of the model alone
            self.name += f" after {self.prompts.document!r}"
        self.dimension = self.vectors(["dimension"]).shape[1]

    def n_tokens(self, texts: Sequence[str]) -> np.ndarray:
        """Return the tokens (n,) of each text, with the marks around it, before the cut."""
        return np.array([len(encoding) for encoding in self._counter.encode_batch(list(texts))])

    @cached_property
    def _counter(self):
        return uncut(self.model.tokenizer)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors; a warning says how many texts are longer than the window."""
        check_texts(texts)
        warn_of_cut(self, texts)
        return self.vectors(texts)

    def encode_query(self, texts: Sequence[str]) -> np.ndarray:
        return self.encode(_after(self.prompts.query, texts))

    def encode_document(self, texts: Sequence[str]) -> np.ndarray:
        return self.encode(_after(self.prompts.document, texts))

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of `encode`, without its warning."""
        if not len(texts):
            return np.empty((0, self.dimension), np.float32)
        return self.model.encode(
            list(texts),
            batch_size=together(self.model.device.type),
            normalize_embeddings=True,
            show_progress_bar=len(texts) > LONG and bars_are_on(),
        )


class ServiceEmbedder:
    """An OpenAI-compatible embeddings endpoint; `base_url` and the key default to OPENAI_BASE_URL
    and OPENAI_API_KEY.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key: str | None = None,
        batch_size: int = 256,
        timeout_seconds: float = 60,
    ):
        if find_spec("openai") is None:
            raise AdaptLabError(
                "The package openai is not installed. Run: pip install 'adaptlab[api]'"
            )
        import openai

        try:
            self.client = openai.OpenAI(
                base_url=base_url, api_key=api_key, timeout=timeout_seconds, max_retries=2
            )
        except openai.OpenAIError as error:
            raise AdaptLabError(
                f"The embeddings service needs a key ({error}). Set OPENAI_API_KEY."
            ) from error
        self.name = f"openai:{model}"
        self.batch_size = batch_size
        self.model = model
        self.dimension = self.encode(["dimension"]).shape[1]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        import openai

        check_texts(texts)
        if not len(texts):
            return np.empty((0, self.dimension), np.float32)
        vectors = []
        try:
            for i in progress_bar(
                range(0, len(texts), self.batch_size),
                few=len(texts) <= self.batch_size,
                desc="embedding",
            ):
                answer = self.client.embeddings.create(
                    model=self.model,
                    input=list(texts[i : i + self.batch_size]),
                    encoding_format="float",
                )
                if not isinstance(getattr(answer, "data", None), list):
                    raise AdaptLabError(
                        f"The embeddings service at {self.client.base_url} answered without"
                        " embeddings. Check the address."
                    )
                vectors += [
                    item.embedding for item in sorted(answer.data, key=lambda item: item.index)
                ]
        except openai.OpenAIError as error:
            raise AdaptLabError(
                f"The embeddings service at {self.client.base_url} did not answer ({error})."
                " Check the address, or ask again later."
            ) from error
        if len(vectors) != len(texts):
            raise AdaptLabError(
                f"The embeddings service at {self.client.base_url} returned {len(vectors)}"
                f" vectors for {len(texts)} texts. Check the address and the model."
            )
        found = np.asarray(vectors, np.float32)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


class CachedEmbedder:
    """Keep vectors in an SQLite file, keyed by model and text, so that each text is embedded once.

    Finished texts are kept if a long run is interrupted.
    """

    def __init__(self, embedder: Embedder, path: Path | str):
        self.embedder = embedder
        self.path = Path(path)
        self.name = embedder.name
        self.dimension = embedder.dimension
        self.window: int | None = getattr(embedder, "window", None)
        self.prompts: Prompts = getattr(embedder, "prompts", Prompts())
        make_folder(self.path.parent)
        with self._open():
            pass

    def n_tokens(self, texts: Sequence[str]) -> np.ndarray:
        counting: Any = self.embedder
        return counting.n_tokens(texts)

    def encode_query(self, texts: Sequence[str]) -> np.ndarray:
        return self.encode(_after(self.prompts.query, texts))

    def encode_document(self, texts: Sequence[str]) -> np.ndarray:
        return self.encode(_after(self.prompts.document, texts))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the store; its changes are kept if the block succeeds."""
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as store, store:
                store.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (model TEXT, text BLOB, vector BLOB,"
                    " PRIMARY KEY (model, text)) WITHOUT ROWID"
                )
                yield store
        except sqlite3.Error as error:
            raise AdaptLabError(
                f"{self.path} is not a cache of vectors ({error}). Move it away."
            ) from error

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        check_texts(texts)
        warn_of_cut(self, texts)  # once, and also of texts whose vectors are kept
        vectors = getattr(self.embedder, "vectors", self.embedder.encode)
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        with self._open() as store:
            found = {
                key: vector for key in set(keys) if (vector := self._vector(store, key)) is not None
            }
            missing = list(
                {key: text for key, text in zip(keys, texts) if key not in found}.items()
            )
            for start in progress_bar(
                range(0, len(missing), KEPT_TOGETHER),
                few=len(missing) <= KEPT_TOGETHER,
                desc="embedding",
            ):
                part = missing[start : start + KEPT_TOGETHER]
                made = vectors([text for _, text in part])
                store.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                    [(self.name, k, v.tobytes()) for (k, _), v in zip(part, made)],
                )
                store.commit()
                found |= {key: vector for (key, _), vector in zip(part, made)}
        return (
            np.stack([found[key] for key in keys])
            if keys
            else np.empty((0, self.dimension), np.float32)
        )

    def _vector(self, store: sqlite3.Connection, key: bytes) -> np.ndarray | None:
        row = store.execute(
            "SELECT vector FROM vectors WHERE model = ? AND text = ?", (self.name, key)
        ).fetchone()
        return None if row is None else np.frombuffer(row[0], np.float32)


@cache
def minilm() -> LocalEmbedder:
    """The default embedder, loaded once."""
    return LocalEmbedder()


def embed(texts: Sequence[str]) -> np.ndarray:
    """Unit vectors (n, 384) float32 by MiniLM."""
    return minilm().encode(texts)
