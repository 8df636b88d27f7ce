"""Why did a run fail? The faults that a run's folder shows, each in a sentence.

What a folder does not record is listed as not recorded, and never guessed. The faults of the log
are in `tune.faults`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json
from adaptlab.json_rows import Fault, json_rows, unwrapped
from adaptlab.models.precision import bfloat16_speed
from adaptlab.tune import faults
from adaptlab.tune.faults import Finding
from adaptlab.tune.parity import check_export, exports_in
from adaptlab.tune.recorded import marks_of_others, template_hash
from adaptlab.tune.run_folder import TOKENIZER, RunFolder, read_run

# From this version TRL masks padding by its place, not by its token.
BY_PLACE = (0, 18)
MANY = 0.1  # share of the rows with marks of another template
# TRL puts these marks around replies for training; they render nothing.
_GENERATION = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")


@dataclass(frozen=True)
class Diagnosis:
    """The faults of a run, and what its folder does not record."""

    folder: Path
    findings: tuple[Finding, ...]
    not_recorded: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{finding.name}: {finding.says}" for finding in self.findings]
        healthy = f"No fault was found in {self.folder}."
        missing = f"Not recorded, so not checked: {'; '.join(self.not_recorded)}."
        if not lines:
            return f"{healthy} {missing}" if self.not_recorded else healthy
        return "\n".join([*lines, missing] if self.not_recorded else lines)


Found = tuple[list[Finding], list[str]]  # (findings, what is not recorded)


def diagnose(folder: Path, merged: Path | None = None, data: Path | None = None) -> Diagnosis:
    """Return the faults that the folder of a run shows.

    `merged`: a merged folder or a GGUF file made from the run, in addition to those in its folder.
    `data`: the training data, for runs that do not record marks of other templates.

    Raises:
        AdaptLabError: if the folder does not contain a run, or a file is missing or damaged.
    """
    run = read_run(Path(folder))
    checks: list[Callable[[RunFolder], Found]] = [
        _end_tokens,
        _padding,
        _log,
        _weights,
        _template,
        lambda run: _marks(run, data),
        _number_format,
        lambda run: _exports(run, merged),
    ]
    findings: list[Finding] = []
    missing: list[str] = []
    for check in checks:
        found, unknown = check(run)
        findings += found
        missing += unknown
    if len({finding.name for finding in findings}) > 1:  # another fault is its cause
        findings = [finding for finding in findings if finding.name != faults.NO_LEARNING]
    return Diagnosis(run.path, tuple(findings), tuple(dict.fromkeys(missing)))


def _rate(run: RunFolder) -> str:
    rate = run.options.get("learning_rate")
    return f", with a learning rate of {rate:g}" if isinstance(rate, int | float) else ""


def _tokenizer(run: RunFolder):
    """Return the tokenizer in the run's folder, or None.

    Raises:
        AdaptLabError: if its files are damaged.
    """
    if run.tokenizer is None:
        return None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            run.tokenizer, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # transformers raises several errors for damaged files
        reason = [*str(error).strip().splitlines(), type(error).__name__][0]
        raise AdaptLabError(
            f"The tokenizer in {run.tokenizer} could not be loaded ({reason}). Save it again."
        ) from error


def _end_tokens(run: RunFolder) -> Found:
    labels = run.recorded.get("labels")
    if isinstance(labels, dict):
        if labels.get("ends"):
            return [], []
        says = (
            f"The end token is in none of the {labels.get('tokens')} learned labels of"
            f" {labels.get('rows')} rows, so the model does not learn to stop"
        )
        fix = "Put the end token before {% endgeneration %} in the chat template"
        return [Finding(faults.END_TOKEN, f"{says}. {fix}.")], []
    if run.on_rewards:  # the model writes its replies itself; the log has their lengths
        return [], []
    missing = ["the number of end tokens among the learned labels"]
    tokenizer = _tokenizer(run)
    if tokenizer is None or not tokenizer.chat_template:
        return [], missing
    from adaptlab.models.template import ChatTemplate

    template = ChatTemplate(str(run.tokenizer), tokenizer)
    try:
        template.require()
    except AdaptLabError as error:
        return [Finding(faults.TEMPLATE, str(error))], missing
    if not template.control_token(template.ending):
        rendered = template.ending.strip() or "nothing"
        says = f"The chat template renders {rendered!r} after a reply, which is not an end token"
        fix = f"Add {tokenizer.eos_token or 'an end token'} after the reply in the template"
        return [Finding(faults.END_TOKEN, f"{says}. {fix}, and train again.")], missing
    stops = _stops(run)
    if stops and stops.isdisjoint(template.end_ids):
        ends = ", ".join(map(str, tokenizer.convert_ids_to_tokens(list(template.end_ids))))
        others = ", ".join(map(str, tokenizer.convert_ids_to_tokens(sorted(stops))))
        says = f"The chat template ends a reply with {ends}, but generation stops only at {others}"
        fix = f"Set eos_token_id in generation_config.json to the id of {ends}"
        return [Finding(faults.END_TOKEN, f"{says}. {fix}.")], missing
    return [], missing


def _stops(run: RunFolder) -> set[int]:
    """Return the end tokens in the generation settings of a whole model; empty if unknown."""
    path = run.model / "generation_config.json" if run.model else None
    if path is None or not path.exists():
        return set()
    settings = read_json(path)
    given = settings.get("eos_token_id") if isinstance(settings, dict) else None
    listed = given if isinstance(given, list) else [given]
    return {token for token in listed if isinstance(token, int)}


def _padding(run: RunFolder) -> Found:
    """Find a pad token that is the end token, where the trainer masks padding by its token."""
    if run.own or run.on_rewards or run.tokenizer is None:
        # This course masks by place, and counts the end tokens that are left.
        return [], []
    if run.log is None and not run.is_adapter:  # a model whose training is not here
        return [], []
    tokenizer = _tokenizer(run)
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id != tokenizer.eos_token_id:
        return [], []
    if run.trl and run.trl >= BY_PLACE:
        return [], []
    if tokenizer.chat_template:
        from adaptlab.models.template import ChatTemplate

        ends = ChatTemplate(str(run.tokenizer), tokenizer).end_ids
        if ends and tokenizer.eos_token_id not in ends:
            return [], []
    says = (
        f"The pad token {tokenizer.pad_token} is also the end token, and a collator that masks"
        " padding by its token removes every end from the loss"
    )
    fix = "Give the tokenizer a pad token of its own, or mask padding by its place"
    return [Finding(faults.PADDING, f"{says}. {fix}, and train again.")], []


def _log(run: RunFolder) -> Found:
    rate = _rate(run)
    if run.error:
        losses = [row for row in run.log or () if "loss" in row]
        last = f" Its last logged loss is {losses[-1]['loss']:.3g}{rate}." if losses else ""
        return [Finding(faults.DIVERGED, run.error + last)], []
    if not run.log:
        return [], ["the log (metrics.jsonl or trainer_state.json)"]
    if found := faults.not_finite(run.log, rate):
        return found, []
    if not run.on_rewards:  # the loss of reinforcement learning does not measure progress
        found = faults.diverging(run.log, rate) or faults.dead_gradient(run.log, rate)
        return found or faults.not_learning(run.log, rate), []
    findings, missing = faults.constant_reward(run.log)
    for more, unknown in (
        faults.lengths(run.log, run.options.get("n_new_tokens")),
        faults.collapsing(run.log),
    ):
        findings += more
        missing += unknown
    return findings, missing


def _weights(run: RunFolder) -> Found:
    """Find an adapter that changes nothing, or whose numbers are not finite."""
    path = run.model / SAFETENSORS_WEIGHTS_NAME if run.model else None
    if path is None or not path.exists():
        return [], []
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise AdaptLabError(
            f"{path} is damaged ({error}). Copy it again, or save the adapter again."
        ) from error
    wrong = [name for name, tensor in tensors.items() if not tensor.float().isfinite().all()]
    if wrong:
        says = (
            f"{len(wrong)} of {len(tensors)} tensors of the adapter, for example {wrong[0]}, are"
            f" not finite{_rate(run)}"
        )
        return [Finding(faults.DIVERGED, f"{says}. {faults.LOWER}.")], []
    second = [tensor for name, tensor in tensors.items() if "lora_B" in name]
    if second and not any(tensor.any() for tensor in second):
        says = f"All {len(second)} matrices B of the adapter are zero, as before training"
        fix = "Check that the learning rate is above 0 and that the adapter was trained"
        return [Finding(faults.NO_LEARNING, f"{says}. {fix}, before it is saved.")], []
    return [], []


def stored_template(folder: Path) -> str:
    """Return the default chat template in a folder of tokenizer files, or an empty text."""
    alone = folder / "chat_template.jinja"
    if alone.exists():
        return alone.read_text(encoding="utf-8", errors="replace")
    path = folder / TOKENIZER
    config = read_json(path) if path.exists() else {}
    found = config.get("chat_template") if isinstance(config, dict) else None
    if isinstance(found, list):
        named = {each.get("name"): each.get("template") for each in found if isinstance(each, dict)}
        found = named.get("default")
    return found if isinstance(found, str) else ""


def _base_folder(base: str) -> Path | None:
    """Return the folder of a base model on this machine, or None."""
    from adaptlab.models.load_model import resolve

    known = base.partition(":")[0] in ("embedded", "gguf", "hub") or Path(base).is_dir()
    try:
        place = resolve(base if known else f"hub:{base}")
    except AdaptLabError:
        return None
    if Path(place).is_dir():
        return Path(place)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(place, TOKENIZER)
    except HFValidationError:
        return None
    return Path(cached).parent if isinstance(cached, str) else None


def _template(run: RunFolder) -> Found:
    """Find a chat template that differs from the base model's."""
    ours = stored_template(run.tokenizer) if run.tokenizer else ""
    recorded = run.recorded.get("template")
    if not ours and not recorded:
        return [], ["the chat template of the training"]
    place = _base_folder(run.base) if run.base else None
    if place is None:
        return [], [f"the chat template of the base model {run.base}".rstrip()]
    theirs = stored_template(place)
    if not theirs:  # a base without a template gets one in training
        return [], []
    if ours and not _same(ours, theirs):
        says = (
            f"The chat template of the run ({len(ours)} characters, hash {template_hash(ours)})"
            f" differs from that of its base {run.base} ({len(theirs)} characters, hash"
            f" {template_hash(theirs)})"
        )
        fix = "Train and generate with one template: the base model's, if it is already tuned"
        return [Finding(faults.TEMPLATE, f"{says}. {fix}.")], []
    if recorded and not ours and recorded not in (template_hash(theirs), template_hash("")):
        says = (
            f"The run was trained with a chat template of the hash {recorded}, but the base"
            f" {run.base} has one of the hash {template_hash(theirs)} now"
        )
        fix = "Restore the tokenizer of the training, or train again"
        return [Finding(faults.TEMPLATE, f"{says}. {fix}.")], []
    return [], []


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(template: str) -> str:
    return " ".join(_GENERATION.sub("", template).split())


def _marks(run: RunFolder, data: Path | None) -> Found:
    """Find training data that were rendered by another template."""
    found = run.recorded.get("marks")
    labels = run.recorded.get("labels")
    n_rows = labels.get("rows") if isinstance(labels, dict) else None
    if data is not None:
        template = stored_template(run.tokenizer) if run.tokenizer else ""
        if not template and run.base and (place := _base_folder(run.base)):
            template = stored_template(place)
        texts = _texts_of(data)
        n_rows = len(texts)
        found = marks_of_others(texts, template)
    if not isinstance(found, dict):
        return [], ["marks of other templates in the training data (--data FILE checks them)"]
    often = {mark: n for mark, n in found.items() if n >= MANY * (n_rows or n)}
    if not often:
        return [], []
    of = f" of {n_rows}" if n_rows else ""
    named = ", ".join(f"{mark} in {n}{of} rows" for mark, n in often.items())
    says = f"The training data contain marks of another chat template: {named}"
    fix = "Give messages with roles instead of rendered text, and train again"
    return [Finding(faults.TEMPLATE, f"{says}. {fix}.")], []


def _texts_of(path: Path) -> list[str]:
    """Return all texts of each row of a JSON file, joined."""
    rows, _ = unwrapped(json_rows(path), {"text", "messages", "prompt"})
    if broken := [f"{place}: {row}" for place, row in rows if isinstance(row, Fault)]:
        raise AdaptLabError(f"{path} cannot be read. {broken[0]}. Correct this row.")
    if not rows:
        raise AdaptLabError(f"{path} does not contain rows. Write one JSON object per line.")
    return ["\n".join(_strings(row)) for _, row in rows]


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list):
        return []
    found: list[str] = []
    for each in inner:
        found += _strings(each)
    return found


def _number_format(run: RunFolder) -> Found:
    """Find training in bfloat16 on hardware that computes it more slowly than float32."""
    chosen = run.options.get("dtype")
    if not chosen:
        return [], ["the number format of the training"]
    if chosen != "bfloat16":
        return [], []
    device = run.recorded.get("device") or ("cpu" if run.options.get("use_cpu") else None)
    if device is None:
        return [], ["the device of the training"]
    if run.recorded.get("bfloat16_emulated"):
        says = f"The run computes in bfloat16, which its GPU only emulates{_seconds(run)}"
        return [Finding(faults.NUMBER_FORMAT, f"{says}. Train with --dtype float32.")], []
    if device != "cpu":
        return [], []
    recorded = run.recorded.get("bfloat16_speed")
    speed = recorded if isinstance(recorded, int | float) else bfloat16_speed()
    where = "the processor of the run" if speed is recorded else "this processor"
    if speed >= 1:
        return [], []
    says = (
        f"The run computes in bfloat16, which has {speed:.2g} times the speed of float32 on"
        f" {where}{_seconds(run)}"
    )
    return [Finding(faults.NUMBER_FORMAT, f"{says}. Train with --dtype float32.")], []


def _seconds(run: RunFolder) -> str:
    times = [row["train_runtime"] for row in run.log or () if "train_loss" in row]
    took = times[-1] if times else None
    return f" (the run took {took:.0f} s)" if isinstance(took, int | float) else ""


def _exports(run: RunFolder, merged: Path | None) -> Found:
    """Compare merged and exported models with the run's model."""
    if merged is not None and not (merged.is_dir() or merged.suffix == ".gguf" and merged.exists()):
        raise AdaptLabError(
            f"{merged} is neither the folder of a model nor a GGUF file. Give the merged model."
        )
    findings = []
    missing = []
    for path in [*exports_in(run), *([merged] if merged else [])]:
        try:
            findings += check_export(run, path)
        except AdaptLabError as error:
            if path == merged:
                raise
            missing.append(f"the outputs of {path.name} ({str(error).rstrip('.')})")
    return findings, missing
