"""The request handling of transformers, for one served model: options checked, stops applied.

By itself `transformers serve` loads whole models only, one for every requested name, and fails on
an adapter's folder. So its model manager is replaced here.
"""

import json
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, cast

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from transformers.cli.serving import chat_completion, completion, model_manager, response, utils

from adaptlab.models.constraint import JsonConstraint
from adaptlab.models.incomplete import marked, marked_events
from adaptlab.models.local import LEAST_TEMPERATURE
from adaptlab.models.requests import CHAT, COMPLETION, RESPONSE, Checked, checked
from adaptlab.models.serving.model import CONSTRAINT, SEED, NamedModel, ServedModel
from adaptlab.models.stops import BeforeStop, before_stop
from adaptlab.models.template import NO_THOUGHTS


def _stops(config) -> list[str]:
    """Return the stop sequences of a request."""
    stops = config.stop_strings or []
    return [stops] if isinstance(stops, str) else list(stops)


def _samples(body: Mapping) -> bool:
    """Whether a request samples tokens: by its temperature, or without one by top_p."""
    temperature = body.get("temperature")
    top_p = body.get("top_p", 1)
    if temperature is None:
        return 0 < top_p < 1
    return temperature >= LEAST_TEMPERATURE and top_p > 0


def _limit(reply: Callable, args: tuple, options: Mapping) -> int | None:
    """Return the token limit of a reply, from the arguments of a handler of transformers."""
    return signature(reply).bind(*args, **options).arguments["gen_config"].max_new_tokens


class StoppingGenerateManager(utils.GenerateManager):
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


class StoppingGenerationState(utils.GenerationState):
    """A generation manager of this module for each name of the model."""

    def get_manager(self, model_id: str, use_cb: bool = False):
        return self._generate_managers.setdefault(model_id, StoppingGenerateManager())


class ServedModelManager(model_manager.ModelManager):
    """It offers one model in memory under several names and loads nothing that a request names."""

    def __init__(self, served: ServedModel):
        super().__init__(model_timeout=-1)
        self._served = served

    @staticmethod
    def process_model_name(model_id: str) -> str:
        return model_id

    def load_model_and_processor(self, model_id_and_revision, *args, **kwargs):
        """Return the served model of this name, and its tokenizer."""
        if model_id_and_revision not in self._served.names:
            raise HTTPException(
                404,
                f"There is no model {model_id_and_revision!r} here; there are"
                f" {', '.join(self._served.names)}.",
            )
        return NamedModel(self._served, model_id_and_revision), self._served.tokenizer

    def get_gen_models(self, cache_dir=None):
        return [
            {"id": name, "object": "model", "created": 0, "owned_by": "adaptlab"}
            for name in self._served.names
        ]


class CheckedHandler:
    """A mixin for a handler of transformers: it rejects unsupported options and applies the
    others.
    """

    path: str

    def __init__(self, served: ServedModel, **parts):
        cast(Any, super()).__init__(**parts)
        self._served = served

    async def handle_request(self, body: dict, request_id: str):
        return await cast(Any, super()).handle_request(
            self._body(checked(self.path, body, self._served.chat.template, self._served.names[0])),
            request_id,
        )

    def _body(self, request: Checked) -> dict:
        body = dict(request.body)
        if request.schema is not None:
            body[CONSTRAINT] = JsonConstraint(request.schema, self._served.tokenizer)
        if "messages" in body:
            body["messages"] = self._served.rendered(body["messages"])
        return body if self.path == COMPLETION else body | {"chat_template_kwargs": NO_THOUGHTS}

    def _validate_request(self, body: dict) -> None:
        """Do nothing: `checked` has done this, and transformers only logs the options that it
        ignores.
        """

    def _normalize_input(self, body: dict) -> list[dict]:
        return self._served.rendered(cast(Any, super())._normalize_input(body))

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


class CheckedChatHandler(CheckedHandler, chat_completion.ChatCompletionHandler):
    path = CHAT


class CheckedCompletionHandler(CheckedHandler, completion.CompletionHandler):
    path = COMPLETION


class CheckedResponseHandler(CheckedHandler, response.ResponseHandler):
    """Responses that report whether their limit cut them off."""

    path = RESPONSE

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
