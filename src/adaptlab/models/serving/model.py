"""One model in memory under several names: a base model and its adapters."""

import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json
from adaptlab.models.load_model import resolve

# As OpenAI's API has it; transformers compares each with every token of the vocabulary, and a
# thousand took half a minute.
MOST_STOPS = 4
CONSTRAINT = "constraint"
SEED = (
    "seed"  # arguments of a request for `ServedModel.generate`, next to transformers' own settings
)


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
        self.chat = LocalChat(model_id, dtype=dtype)
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


class NamedModel:
    """One name of a shared model: all of its attributes, and a `generate` of its own."""

    def __init__(self, shared: ServedModel, name: str):
        self._shared = shared
        self.generate = partial(shared.generate, name)
        self.check = partial(shared.check, name)

    def __getattr__(self, attribute: str):
        return getattr(self._shared.base, attribute)
