"""The HTTP application: the routes of `transformers serve`, and who may use them.

A page in a browser may send requests to servers on the same machine. They are rejected, by the
server's name in the request or by the page's own name.
"""

import secrets
from functools import partial
from inspect import signature
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from jinja2 import TemplateError
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from transformers.cli.serving.server import build_server

from adaptlab.errors import AdaptLabError
from adaptlab.models.serving.handlers import (
    CheckedChatHandler,
    CheckedCompletionHandler,
    CheckedResponseHandler,
    ServedModelManager,
    StoppingGenerationState,
)
from adaptlab.models.serving.model import ServedModel

# They load or drop models, or need ones of other kinds.
CLOSED = ("/load_model", "/reset", "/v1/audio/transcriptions", "/v1/systemone")
# Addresses of a machine that clients reach by names which it does not know itself.
EVERYWHERE = ("", "0.0.0.0", "::")


def application(served: ServedModel, host: str, api_key: str = ""):
    """Make the FastAPI application for a server at an address `host`.

    It has `/v1/chat/completions`, `/v1/completions`, `/v1/responses`, `/v1/models` and `/health`.
    With an `api_key`, all but `/health` need this key, as with OpenAI's API.
    """
    manager = ServedModelManager(served)
    state = StoppingGenerationState()
    parts = {"model_manager": manager, "generation_state": state}
    # Not every version has both.
    closed = {"transcription_handler", "systemone_handler"} & signature(
        build_server
    ).parameters.keys()
    app = build_server(
        manager,
        CheckedChatHandler(served, **parts),
        completion_handler=CheckedCompletionHandler(served, **parts),
        response_handler=CheckedResponseHandler(served, **parts),
        generation_state=state,
        **dict.fromkeys(closed),
    )
    app.router.routes[:] = [route for route in app.router.routes if route.path not in CLOSED]
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _not_an_object)
    # Errors of transformers for unsuitable values in a request.
    for kind in (AdaptLabError, ValueError, TypeError, LookupError, TemplateError):
        app.add_exception_handler(kind, _bad_request)
    app.add_middleware(BaseHTTPMiddleware, dispatch=partial(_authorize, api_key))
    app.add_middleware(
        TrustedHostMiddleware,
        allowed_hosts=["*"] if host in EVERYWHERE else [host, "localhost", "127.0.0.1"],
    )
    return app


async def _authorize(api_key: str, request: Request, call_next):
    """Reject the pages of others, and clients without the key."""
    origin = request.headers.get("origin")
    sent = request.headers.get("authorization", "")
    if origin is not None and urlsplit(origin).netloc != request.headers["host"]:
        return _refused(403, f"Pages of {origin} may not use this server.")
    if (
        api_key
        and request.url.path != "/health"
        and not secrets.compare_digest(sent.encode(), f"Bearer {api_key}".encode())
    ):
        header = "the header Authorization: Bearer KEY"
        return _refused(401, f"This server needs its API key. Send it as {header}.")
    return await call_next(request)


async def _http_error(request: Request, error: HTTPException):
    return _refused(error.status_code, str(error.detail))


async def _not_an_object(request: Request, error: RequestValidationError):
    return await _bad_request(request, AdaptLabError("The body is not a JSON object. Send one."))


async def _bad_request(request: Request, error: Exception):
    return _refused(400, f"This request has no answer here: {error}")


def _refused(status: int, sentence: str) -> JSONResponse:
    """Return an error in the form of OpenAI's API: its clients show only this form."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": sentence, "type": kind, "param": None, "code": None}
    return JSONResponse({"error": error}, status)
