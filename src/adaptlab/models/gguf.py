"""GGUF files: dequantised once, kept as safetensors in the user's cache, and loaded from there.

Reading a GGUF file takes most of a minute. The cache is named after the file's SHA-256, so another
file never meets the weights of an older one.
"""

import json
import os
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import make_folder, read_json, reading, require_disk, sha256, write_whole
from adaptlab.models.assets import assets_folder, fetched_folder, manifest

KIND = "gguf"
MAGIC = b"GGUF"
RECORD = "converted.json"
# Float32 takes up to 8 bytes for each byte of 4-bit weights, and some more for an untied head.
GROWTH = 8


def gguf_folder(name: str) -> Path:
    """Return the folder of a dequantised GGUF model after checking its hashes; convert it first if
    needed.

    `name` is an asset of the manifest or the path of a file.

    Raises:
        AdaptLabError: if there is no such model, or the file is damaged or not a language model.
    """
    source = _source(name)
    digest = sha256(source)
    folder = converted_folder(digest)
    if not folder.exists():
        _convert(source, digest, folder)
    record = read_json(folder / RECORD)
    with reading(folder / RECORD, f"Remove the folder {folder}, and it is made again."):
        for file, known in record["files"].items():
            if not (folder / file).is_file() or sha256(folder / file) != known:
                raise AdaptLabError(
                    f"The converted file {folder / file} is damaged or missing. Remove the folder"
                    f" {folder}, and it is made again."
                )
    return folder


def converted_folder(digest: str) -> Path:
    """Return where the model of a GGUF file with this SHA-256 is kept as safetensors."""
    return assets_folder() / "dequantised" / digest[:16]


def _source(name: str) -> Path:
    asset = manifest().get(name)
    if asset and asset.gguf:
        folder = fetched_folder(asset.repository)
        if folder is None:
            raise AdaptLabError(
                f"The model {name} is not on this machine. Run: adaptlab fetch {name}"
            )
        return folder / asset.gguf
    path = Path(name)
    if not name or not path.is_file():
        known = ", ".join(each.name for each in manifest().values() if each.gguf)
        raise AdaptLabError(
            f"{name!r} is not a GGUF model. Name the path of a .gguf file, or one of {known}."
        )
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError as error:
        raise AdaptLabError(
            f"{path} could not be read ({error.strerror}). Check its permissions."
        ) from error
    if start != MAGIC:
        raise AdaptLabError(f"{path} is not a GGUF file: it does not start with GGUF. Choose one.")
    return path.absolute()


def _convert(source: Path, digest: str, folder: Path) -> None:
    """Write the dequantised model, its tokenizer and a record of hashes, whole or not at all."""
    make_folder(folder.parent)
    require_disk(folder.parent, GROWTH * source.stat().st_size // 2**20)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        _save_dequantised(source, part)
        hashes = {path.name: sha256(path) for path in sorted(part.iterdir())}
        versions = {name: metadata.version(name) for name in ("gguf", "transformers")}
        record = {"gguf_sha256": digest, "file": source.name, **versions, "files": hashes}
        write_whole(part / RECORD, json.dumps(record, indent=1) + "\n")
        part.chmod(0o755)
        try:
            os.replace(part, folder)
        except OSError:
            if not folder.exists():  # else another process was faster
                raise
    except OSError as error:
        raise AdaptLabError(
            f"{folder} could not be written ({error.strerror or error}). Free disk space, or set"
            " ADAPTLAB_ASSETS to another folder."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _save_dequantised(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.set_verbosity_error()
    where = {"gguf_file": source.name}
    alone = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".alone."))
    try:
        # Tokenizer files next to a GGUF file would be read in place of its own tokenizer.
        _link(source, alone / source.name)
        tokenizer = AutoTokenizer.from_pretrained(alone, **where)
        # Without the config, weights may stay packed where a kernel for the device exists: another
        # machine would compute with another model.
        model = AutoModelForCausalLM.from_pretrained(
            alone,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            **where,
        )
    except Exception as error:  # transformers and gguf raise several errors for damaged files
        reason = [*str(error).strip().splitlines(), type(error).__name__][0]
        raise AdaptLabError(
            f"The GGUF file {source} could not be read ({reason}). Fetch it again, or choose a"
            " language model of an architecture that transformers reads."
        ) from error
    finally:
        shutil.rmtree(alone, ignore_errors=True)
    model.hf_quantizer = None  # save_pretrained would refuse
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _link(source: Path, place: Path) -> None:
    """Make a file appear at a place: by a link, or by a copy where links are not allowed."""
    try:
        place.symlink_to(source)
    except OSError:
        shutil.copy(source, place)
