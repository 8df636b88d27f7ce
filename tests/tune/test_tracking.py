"""What a tracker was told, read back by its own reader: the losses of metrics.jsonl. Nothing leaves
the machine.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TRACKERS = Path(__file__).parents[2] / "build" / "trackers"
# A proxy that does not exist: what is no part of Python does not get out either.
NOWHERE = "http://127.0.0.1:9"
TRAIN = """
import sys
from pathlib import Path
from pytest_socket import socket_allow_hosts
from test_resume import LocalChat, ROWS, run
from adaptlab.tune.options import Options
socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
options = Options(epochs=4, batch_size=4, tracking=sys.argv[2])
run(LocalChat("embedded:mini-chat"), ROWS, Path(sys.argv[1]), options)
"""
READ = {
    "tensorboard": (
        """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1] + "/tracking").Reload()
print(json.dumps([(event.step, event.value) for event in events.Scalars("train/loss")]))
"""
    ),
    "trackio": (
        """
import json
from trackio.sqlite_storage import SQLiteStorage
(project,) = SQLiteStorage.get_projects()
(name,) = SQLiteStorage.get_runs(project)
rows = SQLiteStorage.get_logs(project, name)
found = [row for row in rows if "train/loss" in row]
print(json.dumps([(row["train/global_step"], row["train/loss"]) for row in found]))
"""
    ),
    "wandb": (
        """
import json, sys
from pathlib import Path
from wandb.proto.wandb_internal_pb2 import Record
from wandb.sdk.internal.datastore import DataStore
(path,) = Path(sys.argv[1], "tracking").rglob("offline-run-*/*.wandb")
store, found = DataStore(), []
store.open_for_scan(str(path))
while (data := store.scan_data()) is not None:
    record = Record.FromString(data)
    row = {
        item.key or "/".join(item.nested_key): json.loads(item.value_json)
        for item in record.history.item
    }
    if "train/loss" in row:
        found.append((row["train/global_step"], row["train/loss"]))
print(json.dumps(found))
"""
    ),
}


def beside(code: str, home: Path, *arguments) -> str:
    """What Python prints with the trackers' packages on its path, and a home of its own."""
    assert TRACKERS.exists(), "run `make build/trackers` first, as `make test` does"
    proxies = {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost"}
    paths = {
        "PYTHONPATH": f"{TRACKERS}{os.pathsep}{Path(__file__).parent}",
        "HOME": str(home),
        "TRACKIO_DIR": str(home / "trackio"),
    }
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | proxies | paths,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


@pytest.mark.parametrize("tracker", READ)
def test_its_reader_finds_the_losses(tracker, tmp_path):
    beside(TRAIN, tmp_path, tmp_path / "first", tracker)
    rows = [
        json.loads(line) for line in (tmp_path / "first" / "metrics.jsonl").read_text().splitlines()
    ]
    losses = [(row["step"], pytest.approx(row["loss"], rel=1e-6)) for row in rows if "loss" in row]
    assert len(losses) >= 3
    found = json.loads(beside(READ[tracker], tmp_path, tmp_path / "first").splitlines()[-1])
    assert [tuple(pair) for pair in found] == losses
