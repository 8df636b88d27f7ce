"""Serve a base model and its adapters under their own names behind one OpenAI-compatible API.

The HTTP side is `transformers serve`. By itself it loads whole models only, one for every requested
name, and fails on an adapter's folder. Servers that share a base among adapters (vLLM, SGLang) are
built for GPUs first, and were not tried here. So `adaptlab.models.serving` replaces the model
manager of transformers. It offers one model in memory under several names and loads nothing that a
request names. Here are the processes: the one that serves, and a server as a process of its own.
"""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from adaptlab.errors import AdaptLabError
from adaptlab.models.load_model import resolve
from adaptlab.models.precision import check_format, setting
from adaptlab.models.serving.model import ServedModel

NEEDED = "Serving needs fastapi, uvicorn and openai; run: pip install 'adaptlab[api]'"
START_SECONDS = 240  # on a slow machine; a server that fails ends sooner
MOST_AT_ONCE = 64  # connections; further clients must try again later


def require_packages() -> None:
    """Check that the packages for serving are installed.

    Raises:
        AdaptLabError: if they are not.
    """
    try:
        import fastapi  # noqa: F401
        import openai  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise AdaptLabError(NEEDED) from error


def serve(
    model_id: str,
    adapters: Mapping[str, Path | str],
    host: str,
    port: int,
    api_key: str = "",
    dtype: str = "",
) -> None:
    """Serve until the process ends, at a free port if `port` is 0.

    With an `api_key`, only clients with this key get answers.
    """
    require_packages()
    import uvicorn

    check_format(dtype)
    setting()
    resolve(model_id)  # a wrong name is reported before the model loads
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except (OSError, OverflowError) as error:
        raise AdaptLabError(
            f"Port {port} at {host} is not available ({error}). Choose another with --port,"
            " or stop the program that uses it."
        ) from error
    with listening:
        from adaptlab.models.serving.application import application

        app = application(ServedModel(model_id, adapters, dtype), host, api_key)
        print(
            f"Serving {', '.join((model_id, *adapters))} at"
            f" http://{host}:{listening.getsockname()[1]}/v1",
            flush=True,
        )
        uvicorn.Server(
            uvicorn.Config(app, log_level="warning", limit_concurrency=MOST_AT_ONCE)
        ).run([listening])


@dataclass(frozen=True)
class Server:
    """A running server: its address for a client, and its process."""

    url: str
    process: subprocess.Popen

    def megabytes(self) -> float:
        """Memory of this process alone, in units of 2**20 bytes."""
        import psutil

        return psutil.Process(self.process.pid).memory_full_info().uss / 2**20


@contextmanager
def running(program: str, *arguments: str) -> Iterator[Server]:
    """Run `program` (adaptlab or transformers, of this Python) as a server on a free port; it ends
    with the block.

    Raises:
        AdaptLabError: with its last line of output, if it does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(Path(sys.executable).parent / program),
        *arguments,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        try:
            _wait(process, port, log)
            yield Server(f"http://127.0.0.1:{port}/v1", process)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen, port: int, log) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    log.seek(0)
    last = (log.read().decode(errors="replace").strip().splitlines() or ["it wrote nothing"])[-1]
    raise AdaptLabError(f"The server did not start. Its last line of output: {last}")
