"""Find and load models: `embedded:chat`, `gguf:smollm2`, `hub:org/name`, a local path,
`openai:name`, `anthropic:name`.
"""

import json
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json, sha256, write_whole
from adaptlab.models.assets import Asset, fetched_folder, wheel_folder

FOUR_BIT = ":4bit"
WEIGHTS = Path(__file__).parent / "weights"
HASHES = WEIGHTS / "sha256.json"

# Short names first: what a lesson means when it says just chat or base.
EMBEDDED = {"chat": "main-chat", "base": "main-base"} | {
    name: name for name in ("mini-chat", "mini-base", "main-chat", "main-base")
}
PROFILES = {
    "cpu": {
        "chat_model": "embedded:chat",
        "base_model": "embedded:base",
        "small_model": "embedded:mini-chat",
        "embedder": "all-MiniLM-L6-v2",
        "reranker": "embedded:reranker",
    },
    "real": {
        "chat_model": "gguf:smollm2",
        "base_model": "gguf:smollm2",
        "small_model": "gguf:smollm2",
        "embedder": "all-MiniLM-L6-v2",
        "reranker": "embedded:reranker",
    },
    "gpu": {
        "chat_model": "hub:Qwen/Qwen3-1.7B",
        "base_model": "hub:Qwen/Qwen3-1.7B-Base",
        "small_model": "hub:Qwen/Qwen3-0.6B",
        "embedder": "hub:BAAI/bge-large-en-v1.5",
        "reranker": "hub:cross-encoder/ms-marco-MiniLM-L6-v2",
    },
}


def profile(name: str) -> dict[str, str]:
    """Return the models of a profile; the gpu profile needs a GPU that torch can see."""
    if name not in PROFILES:
        raise AdaptLabError(f"There is no profile {name!r}. Choose one of {', '.join(PROFILES)}.")
    if name == "gpu":
        import torch

        if not torch.cuda.is_available():
            raise AdaptLabError(
                'The profile "gpu" needs a CUDA GPU and torch does not see one. Choose'
                ' profile="cpu" or another runtime.'
            )
    return PROFILES[name]


def embedded_path(name: str, weights: Path = WEIGHTS) -> Path:
    """Return the folder of an embedded language model, after checking its hashes."""
    if name not in EMBEDDED:
        raise AdaptLabError(
            f"There is no embedded model {name!r}. Choose one of {', '.join(EMBEDDED)}."
        )
    return checked_folder(EMBEDDED[name], weights)


def checked_folder(name: str, weights: Path = WEIGHTS) -> Path:
    """Return a folder of the package's weights, after checking its hashes."""
    try:
        expected = dict(json.loads((weights / HASHES.name).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise AdaptLabError(
            f"The list of the embedded models' hashes, {weights / HASHES.name}, is damaged or"
            " missing. Install adaptlab again."
        ) from error
    digests = {key: digest for key, digest in expected.items() if key.startswith(f"{name}/")}
    if not digests:
        raise AdaptLabError(
            f"The embedded {name} is missing from the package's weights. Install adaptlab"
            " again, or rebuild it (`adaptlab models --help`)."
        )
    for key, digest in digests.items():
        file = weights / key
        if not file.is_file() or sha256(file) != digest:
            raise AdaptLabError(
                f"The embedded model's file {key} is damaged or missing. Install adaptlab again, or"
                " rebuild it (`adaptlab models --help`)."
            )
    return weights / name


def asset_folder(asset: Asset, root: Path | None = None) -> Path | None:
    """Return an asset's folder, after checking its hashes; None for a hub asset that was not
    fetched.

    `root` is the assets folder by default.
    """
    if asset.repository:
        return fetched_folder(asset.repository, root)
    return checked_folder(asset.name) if asset.package == "adaptlab" else wheel_folder(asset)


def from_hub(name: str) -> str:
    """Return a hub model as an argument of `from_pretrained`: its fetched folder, else its name."""
    return str(fetched_folder(name) or name)


def name_base(adapter: Path, base: str) -> None:
    """Record the base model in an adapter's folder by its id, not by its path on this machine."""
    path = adapter / "adapter_config.json"
    write_whole(
        path,
        json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": base}, indent=1)
        + "\n",
    )


def write_hashes(weights: Path = WEIGHTS) -> None:
    """Record the hash of every weights and tokenizer file below `weights`."""
    files = sorted(
        path
        for path in weights.glob("*/*")
        if path.suffix in (".safetensors", ".json", ".jinja") and path.name != "training.json"
    )
    write_whole(
        weights / HASHES.name,
        json.dumps({path.relative_to(weights).as_posix(): sha256(path) for path in files}, indent=1)
        + "\n",
    )


def resolve(model_id: str) -> str:
    """Convert a local model id to an argument of `from_pretrained`: a folder or a hub name."""
    model_id = model_id.removesuffix(FOUR_BIT)
    kind, _, name = model_id.partition(":")
    if kind == "embedded":
        return str(embedded_path(name))
    if kind == "hub" and name:
        return from_hub(name)
    if kind == "gguf":
        from adaptlab.models.gguf import gguf_folder

        return str(gguf_folder(name))
    if model_id and Path(model_id).is_dir():  # an empty path is the current folder
        if not any(
            (Path(model_id) / file).exists() for file in ("config.json", "adapter_config.json")
        ):
            raise AdaptLabError(
                f"The folder {model_id} does not contain a model: it has no config.json. Give"
                " a folder that save_pretrained wrote."
            )
        return model_id
    if kind in ("openai", "anthropic"):
        raise AdaptLabError(
            f"{model_id!r} does not run on this machine. Give a local model: embedded:chat,"
            " gguf:smollm2, hub:org/name or the path of a folder."
        )
    raise AdaptLabError(
        f"{model_id!r} is not a model. Use embedded:chat, gguf:smollm2, hub:org/name, the path of"
        " a folder, openai:name or anthropic:name."
    )


def load_model(model_id: str, dtype: str = ""):
    """Load (model, tokenizer) with `transformers`, on the GPU if there is one.

    Weights are in `dtype` (float32 or bfloat16), by default as `models.precision` decides. An id
    that ends in ":4bit" keeps its weights as NF4 (bitsandbytes) and computes in the same types.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    from adaptlab.models.precision import weights_dtype
    from adaptlab.progress import bars_are_on

    logging.set_verbosity_error()  # or every lesson opens with a page on optional CUDA kernels
    # Its bar does not know the switch of all others; these models are read in a second or two.
    if model_id.startswith(("embedded:", "gguf:")) or not bars_are_on():
        logging.disable_progress_bar()
    source = resolve(model_id)
    if (settings := Path(source) / "generation_config.json").exists():
        read_json(settings)  # transformers would take its own in place of a damaged file's
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = weights_dtype(device, dtype)
    options = _four_bit(device, weights) if model_id.endswith(FOUR_BIT) else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(source, dtype=weights, **options)
    except Exception as error:  # transformers raises several errors for damaged files
        reason = [*str(error).strip().splitlines(), type(error).__name__][0]
        says = f"The model {model_id} could not be loaded ({reason})"
        if Path(source).is_dir():
            raise AdaptLabError(f"{says}. Copy or save its folder again.") from error
        raise AdaptLabError(
            f"{says}. Check the name and the connection to the hub (offline: `adaptlab fetch"
            " --help`)."
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return (model if options else model.to(device)).eval(), tokenizer


def _four_bit(device: str, dtype) -> dict:
    """Return the arguments of `from_pretrained` for 4-bit weights: QLoRA's types with doubly
    quantised constants.

    Source: Dettmers et al. 2023.
    """
    from importlib.util import find_spec

    if not find_spec("bitsandbytes"):
        raise AdaptLabError(
            "4-bit weights need bitsandbytes, which is not installed. Run: pip install"
            " 'adaptlab[gpu]'"
        )
    from transformers import BitsAndBytesConfig

    settings = {
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": dtype,
    }
    return {
        "quantization_config": BitsAndBytesConfig(load_in_4bit=True, **settings),
        "device_map": {"": device},
    }
