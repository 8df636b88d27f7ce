"""Serve a base model and its adapters under their own names behind one OpenAI-compatible API.

The HTTP side is `transformers serve`. By itself it loads whole models only, one for every requested
name, and fails on an adapter's folder. Servers that share a base among adapters (vLLM, SGLang) are
built for GPUs first, and were not tried here. So this module replaces the model manager of
transformers. It offers one model in memory under several names and loads nothing that a request
names.

A page in a browser may send requests to servers on the same machine. They are rejected, by the
server's name in the request or by the page's own name.
"""

import json
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, cast
from urllib.parse import urlsplit

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json
from adaptlab.models.load_model import load_model, resolve
from adaptlab.models.precision import check_format, setting
from adaptlab.models.requests import CHAT, COMPLETION, RESPONSE, Checked, checked

NEEDED = "Serving needs fastapi, uvicorn and openai; run: pip install 'adaptlab[api]'"
START_SECONDS = 240  # on a slow machine; a server that fails ends sooner
MOST_AT_ONCE = 64  # connections; further clients must try again later
# As OpenAI's API has it; transformers compares each with every token of the vocabulary, and a
# thousand took half a minute.
MOST_STOPS = 4
# They load or drop models, or need ones of other kinds.
CLOSED = ("/load_model", "/reset", "/v1/audio/transcriptions", "/v1/systemone")
CONSTRAINT = "constraint"
SEED = (
    "seed"  # arguments of a request for `ServedModel.generate`, next to transformers' own settings
)
# Addresses of a machine that clients reach by names which it does not know itself.
EVERYWHERE = ("", "0.0.0.0", "::")


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


def adapter_folder(path: Path | str, model_id: str) -> Path:
    """Return the folder of an adapter's weights: this folder, or a part of a finished run of
    `adaptlab tune`.

    The base of the run must be `model_id`.
    """
    path = Path(path)
    if (path / "adapter_config.json").exists():
        return path
    if not (path / "adapter" / "adapter_config.json").exists():
        raise AdaptLabError(
            f"{path} does not contain an adapter. Give the folder of a finished run of"
            " `adaptlab tune` with the method lora, or of an adapter."
        )
    described = read_json(path / "config.json")
    try:
        base = str(described["base"]["name"])
    except (LookupError, TypeError) as error:
        says = f"{path / 'config.json'} does not name a base model"
        raise AdaptLabError(
            f"{says}. Give {path / 'adapter'}, the folder of the adapter itself."
        ) from error
    if base != model_id and resolve(base) != resolve(model_id):
        raise AdaptLabError(
            f"The adapter in {path} was trained on {base}, not on {model_id}. Serve it with"
            " its own base model."
        )
    return path / "adapter"


class ServedModel:
    """One model in memory under several names: its own and those of its adapters.

    It generates one reply at a time, since an adapter is switched on in the model itself.
    """

    def __init__(self, model_id: str, adapters: Mapping[str, Path | str], dtype: str = ""):
        from adaptlab.models.local import LocalChat

        if model_id in adapters:
            raise AdaptLabError(
                f"An adapter cannot have the base model's name, {model_id}. Choose another."
            )
        folders = {name: adapter_folder(path, model_id) for name, path in adapters.items()}
        self.chat = LocalChat(model_id, *load_model(model_id, dtype))
        self.base = self.chat.model
        self.tokenizer = self.chat.tokenizer
        self.names = (model_id, *adapters)
        self.model = self._with_adapters(folders) if folders else self.base
        self._lock = threading.Lock()
        self._active = ""

    def _with_adapters(self, folders: Mapping[str, Path]):
        from adaptlab.models.load_adapter import with_adapter

        model = self.base
        for name, folder in folders.items():
            model = with_adapter(model, folder, self.names[0], name)
        return model

    def _switch(self, name: str) -> None:
        if name == self._active:
            return
        if name == self.names[0]:
            if self.model is not self.base:
                self.model.base_model.disable_adapter_layers()
        else:
            self.model.base_model.enable_adapter_layers()
            self.model.set_adapter(name, inference_mode=True)
        self._active = name

    def rendered(self, messages: list[dict]) -> list[dict]:
        """Return the messages in the roles of the model's template.

        Raises:
            AdaptLabError: if the template does not render every message.
        """
        known = self.chat.known_roles(messages)
        self.chat.template.render(known, prompt=True)
        return known

    def check(self, name: str, n_read: int, config) -> None:
        """Limit a reply to the rest of the model's context after `n_read` prompt tokens.

        A longer prompt is a bad request, and so are more than `MOST_STOPS` stop sequences.
        """
        from fastapi import HTTPException

        stops = config.stop_strings
        if isinstance(stops, list) and len(stops) > MOST_STOPS:
            raise HTTPException(
                400, f"There are {len(stops)} stop sequences. Give {MOST_STOPS} at most."
            )
        if places := getattr(self.base.config.get_text_config(), "max_position_embeddings", None):
            if n_read >= places:
                raise HTTPException(
                    400,
                    f"The prompt has {n_read} tokens, but {name} has a context of {places}"
                    " tokens, reply included. Shorten the prompt.",
                )
            config.max_new_tokens = min(config.max_new_tokens or places, places - n_read)

    def generate(self, name: str, **inputs):
        """Generate under a name, as `model.generate` would, after `check`."""
        import torch
        from transformers import LogitsProcessorList

        config = inputs["generation_config"]
        self.check(name, inputs["input_ids"].shape[1], config)
        constraint, seed = (vars(config).pop(f"adaptlab_{key}", None) for key in (CONSTRAINT, SEED))
        if constraint is not None:
            inputs["logits_processor"] = LogitsProcessorList([constraint])
        with self._lock:
            self._switch(name)
            if seed is not None:
                # Here, not at the arrival of the request: others may be answered in between.
                torch.manual_seed(seed)
            return self.base.generate(**inputs)  # adapters are in its layers


def _stops(config) -> list[str]:
    """Return the stop sequences of a request."""
    stops = config.stop_strings or []
    return [stops] if isinstance(stops, str) else list(stops)


def _samples(body: Mapping) -> bool:
    """Whether a request samples tokens: by its temperature, or without one by top_p."""
    from adaptlab.models.local import LEAST_TEMPERATURE

    temperature = body.get("temperature")
    top_p = body.get("top_p", 1)
    if temperature is None:
        return 0 < top_p < 1
    return temperature >= LEAST_TEMPERATURE and top_p > 0


def _limit(reply: Callable, args: tuple, options: Mapping) -> int | None:
    """Return the token limit of a reply, from the arguments of a handler of transformers."""
    return signature(reply).bind(*args, **options).arguments["gen_config"].max_new_tokens


class Named:
    """One name of a shared model: all of its attributes, and a `generate` of its own."""

    def __init__(self, shared: ServedModel, name: str):
        self._shared = shared
        self.generate = partial(shared.generate, name)
        self.check = partial(shared.check, name)

    def __getattr__(self, attribute: str):
        return getattr(self._shared.base, attribute)


def application(shared: ServedModel, host: str, api_key: str = ""):
    """Make the FastAPI application for a server at an address `host`.

    It has `/v1/chat/completions`, `/v1/completions`, `/v1/responses`, `/v1/models` and `/health`.
    With an `api_key`, all but `/health` need this key, as with OpenAI's API.
    """
    require_packages()
    from fastapi import HTTPException, Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from jinja2 import TemplateError
    from starlette.exceptions import HTTPException as StarletteHTTPException
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from transformers.cli.serving import chat_completion, completion, model_manager, response, utils
    from transformers.cli.serving.server import build_server

    from adaptlab.models.constraint import JsonConstraint
    from adaptlab.models.incomplete import marked, marked_events
    from adaptlab.models.stops import BeforeStop, before_stop
    from adaptlab.models.template import NO_THOUGHTS

    class Generating(utils.GenerateManager):
        """Check a request before its reply starts; end the reply before a stop sequence."""

        def generate_streaming(self, model, processor, inputs, config, *args, **kwargs):
            model.check(inputs["input_ids"].shape[1], config)
            made = super().generate_streaming(model, processor, inputs, config, *args, **kwargs)
            queue, streamer = made
            return (BeforeStop(queue, stops), streamer) if (stops := _stops(config)) else made

        async def generate_non_streaming(self, model, processor, inputs, config, *args, **kwargs):
            generate = super().generate_non_streaming
            text, *others = await generate(model, processor, inputs, config, *args, **kwargs)
            return before_stop(text, _stops(config))[0], *others

    class State(utils.GenerationState):
        def get_manager(self, model_id: str, use_cb: bool = False):
            return self._generate_managers.setdefault(model_id, Generating())

    class Manager(model_manager.ModelManager):
        @staticmethod
        def process_model_name(model_id: str) -> str:
            return model_id

        def load_model_and_processor(self, model_id_and_revision, *args, **kwargs):
            if model_id_and_revision not in shared.names:
                raise HTTPException(
                    404,
                    f"There is no model {model_id_and_revision!r} here; there are"
                    f" {', '.join(shared.names)}.",
                )
            return Named(shared, model_id_and_revision), shared.tokenizer

        def get_gen_models(self, cache_dir=None):
            return [
                {"id": name, "object": "model", "created": 0, "owned_by": "adaptlab"}
                for name in shared.names
            ]

    class Checking:
        """A mixin for a handler of transformers: it rejects unsupported options and applies the
        others.
        """

        path: str

        async def handle_request(self, body: dict, request_id: str):
            return await cast(Any, super()).handle_request(
                self._body(checked(self.path, body, shared.chat.template, shared.names[0])),
                request_id,
            )

        def _body(self, request: Checked) -> dict:
            body = dict(request.body)
            if request.schema is not None:
                body[CONSTRAINT] = JsonConstraint(request.schema, shared.tokenizer)
            if "messages" in body:
                body["messages"] = shared.rendered(body["messages"])
            return body if self.path == COMPLETION else body | {"chat_template_kwargs": NO_THOUGHTS}

        def _validate_request(self, body: dict) -> None:
            """Do nothing: `checked` has done this, and transformers only logs the options that it
            ignores.
            """

        def _normalize_input(self, body: dict) -> list[dict]:
            return shared.rendered(cast(Any, super())._normalize_input(body))

        def _build_generation_config(self, body: dict, *args, **kwargs):
            # Without the seed: transformers would set it now, in the middle of another's reply.
            unseeded = {option: value for option, value in body.items() if option != SEED}
            config = cast(Any, super())._build_generation_config(unseeded, *args, **kwargs)
            config.do_sample = _samples(body)
            # As OpenAI's API samples: from all tokens, whatever the model's own settings are.
            config.top_k = 0
            config.top_p = float(body.get("top_p", 1))
            config.temperature = float(body.get("temperature", 1)) if config.do_sample else 1.0
            for name in (CONSTRAINT, SEED):
                if name in body:
                    setattr(config, f"adaptlab_{name}", body[name])
            return config

    class Responding(response.ResponseHandler):
        """A response that reports whether its limit cut it off."""

        async def _non_streaming(self, *args, **kwargs):
            limit = _limit(super()._non_streaming, args, kwargs)
            whole = await super()._non_streaming(*args, **kwargs)
            return JSONResponse(marked(json.loads(whole.body), limit))

        def _streaming(self, *args, **kwargs):
            made = super()._streaming(*args, **kwargs)
            limit = _limit(super()._streaming, args, kwargs)
            pieces = made.body_iterator
            made.body_iterator = (marked_events(piece, limit) async for piece in pieces)
            return made

    def handler(path: str, kind: type):
        return type("Handler", (Checking, kind), {"path": path})(**parts)

    parts = {"model_manager": Manager(model_timeout=-1), "generation_state": State()}
    # Not every version has both.
    closed = {"transcription_handler", "systemone_handler"} & signature(
        build_server
    ).parameters.keys()
    app = build_server(
        parts["model_manager"],
        handler(CHAT, chat_completion.ChatCompletionHandler),
        completion_handler=handler(COMPLETION, completion.CompletionHandler),
        response_handler=handler(RESPONSE, Responding),
        generation_state=parts["generation_state"],
        **dict.fromkeys(closed),
    )
    app.router.routes[:] = [route for route in app.router.routes if route.path not in CLOSED]

    def refused(status: int, sentence: str) -> JSONResponse:
        """Return an error in the form of OpenAI's API: its clients show only this form."""
        kind = "invalid_request_error" if status < 500 else "server_error"
        error = {"message": sentence, "type": kind, "param": None, "code": None}
        return JSONResponse({"error": error}, status)

    @app.middleware("http")
    async def refuse_others(request: Request, call_next):
        origin = request.headers.get("origin")
        sent = request.headers.get("authorization", "")
        if origin is not None and urlsplit(origin).netloc != request.headers["host"]:
            return refused(403, f"Pages of {origin} may not use this server.")
        if (
            api_key
            and request.url.path != "/health"
            and not secrets.compare_digest(sent.encode(), f"Bearer {api_key}".encode())
        ):
            header = "the header Authorization: Bearer KEY"
            return refused(401, f"This server needs its API key. Send it as {header}.")
        return await call_next(request)

    async def bad_request(request: Request, error: Exception):
        return refused(400, f"This request has no answer here: {error}")

    @app.exception_handler(StarletteHTTPException)
    async def of_http(request: Request, error: StarletteHTTPException):
        return refused(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def no_object(request: Request, error: RequestValidationError):
        return await bad_request(request, AdaptLabError("The body is not a JSON object. Send one."))

    # Errors of transformers for unsuitable values in a request.
    for kind in (AdaptLabError, ValueError, TypeError, LookupError, TemplateError):
        app.add_exception_handler(kind, bad_request)
    app.add_middleware(
        TrustedHostMiddleware,
        allowed_hosts=["*"] if host in EVERYWHERE else [host, "localhost", "127.0.0.1"],
    )
    return app


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
