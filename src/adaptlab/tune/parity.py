"""Compare a merged or exported model with the model that it was made from, by their outputs."""

from dataclasses import dataclass
from pathlib import Path

import torch

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json
from adaptlab.messages import assistant, user
from adaptlab.models.local import LocalChat
from adaptlab.models.merge import whole_model
from adaptlab.tune.faults import MERGE, Finding
from adaptlab.tune.run_folder import ADAPTER, RunFolder

PROBES = (
    [user("Name a colour."), assistant("Blue is a colour.")],
    [user("What is 2 + 3?"), assistant("2 + 3 = 5.")],
    [user("How much is the lamp, and when can you deliver it?"), assistant("I do not know.")],
    [user("Write the record as JSON."), assistant('{"name": "lamp", "price": 40}')],
)
# Nats per token. Rounding weights to a format alone stays below the first number; above the second
# another model answers.
ROUNDING = {"float32": 1e-6, "16 bits": 1e-3, "GGUF": 0.02}
LIMIT = {"float32": 0.05, "16 bits": 0.05, "GGUF": 0.2}
# Of what training changed: an export that is further away has lost it.
LOST = 0.5


@dataclass(frozen=True)
class Parity:
    """Mean KL divergences per token of next-token distributions, in nats.

    `exported`: from the run's model to the export. `changed`: from the run's model to its base, NaN
    if there is no base. `to_base`: from the export to the base. `n`: tokens.
    """

    exported: float
    changed: float
    to_base: float
    n: int


def exports_in(run: RunFolder) -> list[Path]:
    """Return whole models and GGUF files next to the run's model, without checkpoints."""
    found = []
    for path in sorted(run.path.iterdir()):
        hidden = path.name.startswith((".", "checkpoint"))
        if path.is_dir() and not hidden and path not in (run.model, run.path):
            is_whole = (path / "config.json").exists() and not (path / ADAPTER).exists()
            if is_whole and any(path.glob("*.safetensors")):
                found.append(path)
            found += sorted(path.glob("*.gguf"))
    return found + sorted(run.path.glob("*.gguf"))


@torch.inference_mode()
def _log_probabilities(chat: LocalChat, ids: list[list[int]]) -> torch.Tensor:
    """Return the next-token log-probabilities of each row's tokens, (n, V) in float32."""
    model = chat.model
    rows = [torch.tensor([row], device=model.device) for row in ids]
    logits = [model(row).logits[0].float().cpu() for row in rows]
    return torch.cat(logits).log_softmax(-1)


def _divergence(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Return the mean KL divergence of two (n, V); an export may pad the vocabulary."""
    n = min(ours.shape[1], theirs.shape[1])
    ours, theirs = (each[:, :n].log_softmax(-1) for each in (ours, theirs))
    return float((ours.exp() * (ours - theirs)).sum(-1).mean().clamp(min=0))


def _ids(chat: LocalChat) -> list[list[int]]:
    """Return the token ids of the probes, by the template if there is one."""
    texts = (
        [chat.template.render(chat.known_roles(list(probe))) for probe in PROBES]
        if chat.tokenizer.chat_template
        else ["\n".join(message["content"] for message in probe) for probe in PROBES]
    )
    return chat.tokenizer(texts, add_special_tokens=False)["input_ids"]


def parity(reference: LocalChat, exported: LocalChat, base: LocalChat | None) -> Parity:
    """Compare the next-token distributions of an export and of the model that it was made from."""
    ids = _ids(reference)
    ours, theirs = (_log_probabilities(chat, ids) for chat in (reference, exported))
    of_base = _log_probabilities(base, ids) if base else None
    return Parity(
        _divergence(ours, theirs),
        float("nan") if of_base is None else _divergence(ours, of_base),
        float("nan") if of_base is None else _divergence(theirs, of_base),
        len(ours),
    )


def _format(path: Path) -> str:
    """Return the kind of an export's number format, a key of ROUNDING."""
    if path.suffix == ".gguf":
        return "GGUF"
    config = read_json(path / "config.json")
    named = config.get("dtype") or config.get("torch_dtype") if isinstance(config, dict) else None
    return "16 bits" if named in ("bfloat16", "float16") else "float32"


def check_export(run: RunFolder, path: Path) -> list[Finding]:
    """Compare an export with the run's model.

    Raises:
        AdaptLabError: if the run's model, its base or the export cannot be loaded.
    """
    if run.model is None:
        raise AdaptLabError(f"{run.path} has no model to compare {path.name} with. Finish the run.")
    kind = _format(path)
    reference = LocalChat(str(run.model), dtype="float32")
    reference.model = whole_model(reference.model)
    exported = LocalChat(f"gguf:{path}" if kind == "GGUF" else str(path), dtype="float32")
    if _ids(exported) != _ids(reference):
        says = f"{path.name} reads the same conversation as other tokens than the run's model"
        fix = "Save the tokenizer and the chat template of the run next to the exported weights"
        return [Finding(MERGE, f"{says}. {fix}.")]
    base = LocalChat(run.base, dtype="float32") if run.is_adapter and run.base else None
    found = parity(reference, exported, base)
    return _judged(found, path.name, kind)


def _judged(found: Parity, name: str, kind: str) -> list[Finding]:
    far = found.exported > LIMIT[kind]
    lost = found.exported > ROUNDING[kind] and found.exported > LOST * found.changed
    if not far and not lost:
        return []
    says = (
        f"{name} answers differently from the run's model: the KL divergence is"
        f" {found.exported:.2g} nats per token over {found.n} tokens"
    )
    if found.to_base < ROUNDING[kind] < found.changed:
        return [
            Finding(
                MERGE,
                f"{says}, and its outputs are those of the base. Merge the adapter"
                " into the weights before you save or convert them.",
            )
        ]
    known = found.changed == found.changed  # not NaN
    changed = f" (training itself changed {found.changed:.2g})" if known else ""
    fix = {
        "GGUF": "Convert again from merged float32 weights, or with more bits",
        "16 bits": "Merge again in float32, once, with the adapter's own alpha and rank",
        "float32": "Merge again, once, with the adapter's own alpha and rank",
    }[kind]
    return [Finding(MERGE, f"{says}{changed}. {fix}.")]
