"""The manifest, and fetching: from a hub on loopback by the real client, from a folder, through
kills, and what is refused; then loading without a network.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from adaptlab.errors import AdaptLabError
from adaptlab.models import assets
from adaptlab.models import load_model as load
from adaptlab.models.chat import ask
from adaptlab.models.fetch import fetch
from adaptlab.models.load_chat import load_chat
from adaptlab.models.sources import Folder, source_of

WEIGHTS = "model.safetensors"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
MANIFEST = """
[open]
kind = "chat model"
package = "adaptlab"
licence = "mit"
profiles = ["cpu"]

[tiny]
kind = "chat model"
repository = "org/tiny"
commit = "{commit}"
licence = "apache-2.0"
profiles = ["gpu"]

[tiny.files]
"model.safetensors" = {{ size = {size}, sha256 = "{digest}" }}

[shut]
kind = "chat model"
repository = "org/shut"
licence = "other"
profiles = []
gated = true

[closing]
kind = "chat model"
repository = "org/closing"
licence = "other"
profiles = []
"""
COMMAND = (
    "import sys\nfrom pathlib import Path\nfrom adaptlab.models import assets\nassets.MANIFEST ="
    " Path(sys.argv.pop(1))\n"
)
MAIN = "from adaptlab.cli import main\nmain()\n"
# A real SIGKILL, from within so that it falls inside of a file on any machine.
KILLED = """
import os, signal
from adaptlab.models import sources
from tqdm import tqdm
class Killing(tqdm):
    def update(self, n=1):
        super().update(n)
        if self.n >= 9 * 2**20:
            os.kill(os.getpid(), signal.SIGKILL)
sources.progress_bar = Killing
"""


class HubOnLoopback(BaseHTTPRequestHandler):
    """The routes of the hub that the client asks for: a model's files at a commit, and a file,
    whole or from a byte on.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        hub = self.server
        if found := re.fullmatch(
            r"/api/models/(org/\w+)(?:/revision/\w+)?\?blobs=True", self.path, flags=re.I
        ):
            return self.answer(json.dumps(hub.about(found[1])).encode(), 200)
        found = re.fullmatch(rf"/(org/\w+)/resolve/{COMMIT}/(.+)", self.path)
        if not found:  # the client asks for more than files, and does without
            return self.answer(b"", 404)
        content = (hub.folder / found[1] / found[2]).read_bytes()
        start = int(re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])
        hub.asked.append((found[2], start))
        self.answer(content[start:], 206 if start else 200, (start, len(content)))

    def answer(self, body, status, part=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {part[0]}-{part[1] - 1}/{part[1]}")
        self.end_headers()
        cut = self.server.cuts.pop(0) if part and len(body) > 2**20 and self.server.cuts else None
        self.wfile.write(body[: cut or len(body)])
        if cut:  # the line breaks, or hangs until the test says so
            self.wfile.flush()
            self.server.go_on.wait(60)
            self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def original(tmp_path_factory, tokenizer):
    """org/tiny as its makers would upload it: Qwen3 with random weights, 27 MB, beside what no
    course needs.
    """
    folder = tmp_path_factory.mktemp("hub")
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=16_384,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        tie_word_embeddings=True,
    )
    Qwen3ForCausalLM(config).save_pretrained(folder / "org" / "tiny")
    tokenizer.save_pretrained(folder / "org" / "tiny")
    for name, text in {
        "LICENSE": "Apache",
        "onnx/config.json": "{}",
        "pytorch_model.bin": "the same once more",
    }.items():
        (folder / "org" / "tiny" / name).parent.mkdir(exist_ok=True)
        (folder / "org" / "tiny" / name).write_text(text)
    return folder


@pytest.fixture
def hub(original):
    """A hub on loopback; `asked` lists the files that were asked for and from which byte on, `cuts`
    after how many bytes big answers break off.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), HubOnLoopback)
    server.daemon_threads = True
    server.folder = original
    server.asked = []
    server.cuts = []
    server.go_on = threading.Event()
    server.gated = {"org/closing": "manual"}
    server.about = lambda repository: about(server, repository)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()


def about(server, repository):
    """What the hub says of a model: large files by SHA-256, small ones by git's hash alone."""
    siblings = []
    for path in sorted(path for path in (server.folder / repository).rglob("*") if path.is_file()):
        content = path.read_bytes()
        entry = {
            "rfilename": path.relative_to(server.folder / repository).as_posix(),
            "size": len(content),
        }
        entry["blobId"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        if path.name == WEIGHTS:
            entry["lfs"] = {
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "pointerSize": 134,
            }
        siblings.append(entry)
    return {
        "id": repository,
        "sha": COMMIT,
        "private": False,
        "gated": server.gated.get(repository, False),
        "siblings": siblings,
    }


@pytest.fixture(scope="module")
def listed(original, tmp_path_factory):
    """A manifest with the tiny model, a gated one, and one that turns out to be gated."""
    weights = original / "org" / "tiny" / WEIGHTS
    path = tmp_path_factory.mktemp("manifest") / "assets.toml"
    path.write_text(
        MANIFEST.format(commit=COMMIT, size=weights.stat().st_size, digest=assets.sha256(weights))
    )
    return path


@pytest.fixture
def here(listed, monkeypatch, tmp_path):
    """That manifest in this process, and an assets' folder of its own."""
    monkeypatch.setattr(assets, "MANIFEST", listed)
    monkeypatch.setenv("ADAPTLAB_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


def environment(folder, **more):
    """A user's who may reach the network, with nothing cached and no token."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "ADAPTLAB_"))
    }
    return kept | {"HF_HOME": str(folder / "hf"), "NO_PROXY": "127.0.0.1"} | more


def command(listed, tmp_path, *arguments, extra="", **more):
    code = [sys.executable, "-c", COMMAND + extra + MAIN, str(listed), *map(str, arguments)]
    return subprocess.run(
        code, env=environment(tmp_path, **more), capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def stick(original, listed, tmp_path):
    """A folder as `adaptlab fetch --to` leaves it."""
    folder = tmp_path / "stick"
    shutil.copytree(
        original / "org", folder / "org", ignore=shutil.ignore_patterns("onnx", "*.bin")
    )
    files = {
        path.name: assets.File(path.stat().st_size, assets.sha256(path))
        for path in (folder / "org" / "tiny").iterdir()
    }
    assets.write_lock(folder, "org/tiny", assets.Locked(COMMIT, files))
    return folder


def chosen(*names):
    return assets.choose(list(names), "gpu")


def bring(root, source, *names):
    return list(fetch(chosen(*names), root, source))


def part_of(root):
    return next((root / "org" / "tiny").glob(f".{WEIGHTS}.*.part"))


def test_the_manifest_names_every_model_of_the_profiles_and_its_hashes_are_whole():
    listed = assets.manifest()
    for name, models in load.PROFILES.items():
        ids = {asset.model_id for asset in listed.values() if name in asset.profiles}
        assert {full_name(model) for model in models.values()} <= ids
    for asset in listed.values():
        assert (
            bool(asset.package) != bool(asset.repository)
            and asset.licence in ("mit", "apache-2.0")
            and not asset.gated
        )
        assert (
            not asset.repository
            or re.fullmatch("[0-9a-f]{40}", asset.commit)
            and (asset.gguf or asset.name == asset.repository.split("/")[1])
        )
        assert all(
            re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0
            for file in asset.files.values()
        )


def full_name(model):
    """An embedded model by its whole name: main-chat for chat."""
    kind, _, name = model.partition(":")
    return f"embedded:{load.EMBEDDED.get(name, name)}" if kind == "embedded" else model


def test_what_comes_with_the_installation_is_verified_where_it_is(tmp_path):
    found = {
        asset.name: folder
        for asset, folder in fetch(assets.choose([], "cpu"), tmp_path, source_of("hub"))
    }
    assert (
        found["main-chat"] == load.embedded_path("chat")
        and found["all-MiniLM-L6-v2"].name == "model"
        and list(tmp_path.iterdir()) == []
    )


def test_the_real_client_fetches_from_a_hub_and_the_model_then_loads_without_one(
    hub, listed, here, tmp_path
):
    done = command(listed, tmp_path, "fetch", "--to", here, HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert (
        "tiny: org/tiny, licence apache-2.0\n" in done.stdout
        and f"tiny: verified in {here / 'org' / 'tiny'}\n" in done.stdout
    )
    locked = assets.read_lock(here)["org/tiny"]
    assert locked.commit == COMMIT and {"config.json", "tokenizer.json", "LICENSE", WEIGHTS} <= set(
        locked.files
    )
    assert not {
        name for name in locked.files if name.startswith("onnx") or name.endswith(".bin")
    } and all(file.sha256 for file in locked.files.values())
    assert Counter(name for name, _ in hub.asked) == Counter(list(locked.files))
    # Offline: conftest.py sees to it.
    assert ask(load_chat("hub:org/tiny"), "Hello", max_new_tokens=3).n_completion_tokens <= 3
    again = command(listed, tmp_path, "fetch", "tiny", "--to", here, "--source", hub.url)
    assert again.returncode == 0 and len(hub.asked) == len(locked.files), (
        "what is there and right is not fetched again"
    )
    onward = command(listed, tmp_path, "fetch", "--to", tmp_path / "class", "--source", here)
    assert onward.returncode == 0 and assets.fetched_folder("org/tiny", tmp_path / "class"), (
        "what was fetched is a source for others"
    )
    table = command(listed, tmp_path, "fetch", "--list", "--to", here).stdout
    assert re.search(
        r"tiny +chat model +apache-2.0 +gpu +\d+  no +verified\n", table
    ) and re.search(r"shut .* yes +no\n", table)


def test_a_line_that_breaks_is_gone_on_with_from_the_byte_where_it_broke(hub, listed, tmp_path):
    hub.cuts = [12 * 2**20]
    at = 10_000_000  # the client writes pieces of as many bytes
    hub.go_on.set()
    done = command(listed, tmp_path, "fetch", "tiny", "--to", tmp_path / "a", "--source", hub.url)
    assert done.returncode == 0, done.stderr
    starts = [start for name, start in hub.asked if name == WEIGHTS]
    assert starts[0] == 0 and starts[1] >= at and len(starts) == 2
    assert assets.fetched_folder("org/tiny", tmp_path / "a")


def test_a_fetch_that_is_killed_within_a_file_goes_on_there(hub, listed, tmp_path):
    hub.cuts = [16 * 2**20]
    root = tmp_path / "a"
    code = [
        sys.executable,
        "-c",
        COMMAND + MAIN,
        str(listed),
        "fetch",
        "tiny",
        "--to",
        str(root),
        "--source",
        hub.url,
    ]
    process = subprocess.Popen(
        code, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until(lambda: any(path.stat().st_size > 0 for path in root.glob(f"org/tiny/.{WEIGHTS}.*.part")))
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    held = part_of(root).stat().st_size
    assert (
        held > 0
        and not (root / "org" / "tiny" / WEIGHTS).exists()
        and assets.fetched_folder("org/tiny", root) is None
    )
    hub.go_on.set()
    assert (
        command(listed, tmp_path, "fetch", "tiny", "--to", root, "--source", hub.url).returncode
        == 0
    )
    assert [start for name, start in hub.asked if name == WEIGHTS] == [0, held]
    assert assets.fetched_folder("org/tiny", root) and not list(root.glob("**/*.part"))


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_copy_from_a_folder_that_is_killed_goes_on_within_the_file(stick, listed, here, tmp_path):
    died = command(listed, tmp_path, "fetch", "tiny", "--to", here, "--source", stick, extra=KILLED)
    assert died.returncode == -signal.SIGKILL
    part = part_of(here)
    assert 0 < part.stat().st_size < (stick / "org" / "tiny" / WEIGHTS).stat().st_size
    with part.open("r+b") as file:
        # What was brought before is not copied again, so this stays, and is found.
        file.write(b"\0" * 8)
    done = command(listed, tmp_path, "fetch", "tiny", "--to", here, "--source", stick)
    assert done.returncode == 2 and f"{WEIGHTS} of tiny" in done.stderr and not part.exists()
    assert (
        command(listed, tmp_path, "fetch", "tiny", "--to", here, "--source", stick).returncode == 0
    )
    assert assets.fetched_folder("org/tiny", here) == here / "org" / "tiny"


def test_a_flipped_byte_is_refused_by_the_files_name_and_mended_by_the_next_fetch(stick, here):
    bring(here, Folder(stick), "tiny")
    for name in (WEIGHTS, "tokenizer.json"):
        flip(here / "org" / "tiny" / name)
        with pytest.raises(AdaptLabError, match=f"{name} is damaged or missing.*`adaptlab fetch`"):
            load_chat("hub:org/tiny")
        bring(here, Folder(stick), "tiny")
    assert load.resolve("hub:org/tiny") == str(here / "org" / "tiny")
    flip(stick / "org" / "tiny" / "config.json")
    (here / "org" / "tiny" / "config.json").unlink()
    with pytest.raises(AdaptLabError, match="config.json of tiny .*damaged"):
        bring(here, Folder(stick), "tiny")


def test_what_is_longer_than_the_file_is_no_beginning_of_it(stick, here):
    part = (
        here
        / "org"
        / "tiny"
        / f".LICENSE.{assets.sha256(stick / 'org' / 'tiny' / 'LICENSE')[:12]}.part"
    )
    part.parent.mkdir(parents=True)
    part.write_text("Apache, and something else")
    bring(here, Folder(stick), "tiny")
    assert (here / "org" / "tiny" / "LICENSE").read_text() == "Apache" and not part.exists()


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_another_model_under_the_same_name_is_refused(stick, here):
    """Also with a lock that was made to fit: the manifest has the weights' hash."""
    flip(stick / "org" / "tiny" / WEIGHTS)
    lock = json.loads((stick / assets.LOCK).read_text())
    lock["org/tiny"]["files"][WEIGHTS]["sha256"] = assets.sha256(stick / "org" / "tiny" / WEIGHTS)
    (stick / assets.LOCK).write_text(json.dumps(lock))
    with pytest.raises(AdaptLabError, match=f"{WEIGHTS} .*tiny"):
        bring(here, Folder(stick), "tiny")
    lock["org/tiny"]["commit"] = "f" * 40
    (stick / assets.LOCK).write_text(json.dumps(lock))
    with pytest.raises(AdaptLabError, match="at commit ffff"):
        bring(here, Folder(stick), "tiny")


def test_nothing_is_written_outside_of_the_assets_folder(stick, here):
    lock = json.loads((stick / assets.LOCK).read_text())
    lock["org/tiny"]["files"]["../../../evil.json"] = lock["org/tiny"]["files"]["config.json"]
    (stick / assets.LOCK).write_text(json.dumps(lock))
    with pytest.raises(AdaptLabError, match="outside"):
        bring(here, Folder(stick), "tiny")
    assert not here.exists()


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(stick, here, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 2**20))
    with pytest.raises(AdaptLabError, match=r"3 MB .*\d\d MB"):
        bring(here, Folder(stick), "tiny")
    assert not here.exists()


def test_gated_models_are_refused_with_what_to_use_instead(hub, listed, here, tmp_path):
    with pytest.raises(
        AdaptLabError,
        match="shut is gated: .*: embedded:open, hub:org/tiny",
    ):
        bring(here, source_of(hub.url), "shut")
    (hub.folder / "org" / "closing").mkdir(exist_ok=True)
    told = command(listed, tmp_path, "fetch", "closing", "--to", here, "--source", hub.url)
    assert told.returncode == 2 and "closing is gated" in told.stderr and not here.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing"], "'nothing'"),
        (["--profile", "tpu"], "no profile 'tpu'"),
        (["--source", "nowhere"], "source of assets"),
        (["--source", ""], "source of assets"),
        (["tiny", "--source", "http://127.0.0.1:1"], "where it stopped"),
        (["tiny", "--source", "."], "tiny"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(arguments, says, listed, tmp_path):
    told = command(listed, tmp_path, "fetch", *arguments, "--to", tmp_path / "a")
    assert (
        told.returncode == 2 and says in told.stderr and len(told.stderr.strip().splitlines()) == 1
    )
    assert not (tmp_path / "a").exists()


def test_a_damaged_lock_is_one_sentence(here):
    here.mkdir()
    for text in ("{", "[]", '{"org/tiny": {}}', '{"org/tiny": {"commit": "", "files": {"a": 1}}}'):
        (here / assets.LOCK).write_text(text)
        with pytest.raises(AdaptLabError, match="damaged"):
            load_chat("hub:org/tiny")


def test_the_assets_folder_is_the_given_one_or_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("ADAPTLAB_ASSETS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for cache in ("", "relative/paths/do/not/count"):
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
        assert assets.assets_folder() == tmp_path / ".cache" / "adaptlab"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert assets.assets_folder() == tmp_path / "cache" / "adaptlab"
    monkeypatch.setenv("ADAPTLAB_ASSETS", "~/stick")
    assert assets.assets_folder() == Path(tmp_path / "stick")
