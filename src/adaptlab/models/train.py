"""Training from scratch: bfloat16 arithmetic if the processor is fast at it, fp32 master weights; a
killed run resumes.

This loop is not a library's trainer, for two reasons that make it about twice as fast on a laptop.
Logits are computed only where the loss counts. Sequences of similar length are padded together, so
attention needs no mask.
"""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from transformers import Lfm2ForCausalLM, PreTrainedTokenizerBase

from adaptlab.errors import AdaptLabError
from adaptlab.files import write_whole
from adaptlab.models.batches import Batch, batches
from adaptlab.models.precision import number_format
from adaptlab.models.probe import scores
from adaptlab.models.recipe import SIZES, Phase
from adaptlab.progress import progress_bar

CHECKPOINT_SECONDS = 120
PROBE_STEPS = 500


class Optimizer:
    """Muon for the matrices inside the layers, AdamW for embeddings, norms and convolutions, on
    fp32 master weights.
    """

    def __init__(self, model: torch.nn.Module):
        self.parameters = list(model.parameters())
        self.masters = [p.detach().float().clone().requires_grad_() for p in self.parameters]
        inner = [p.ndim == 2 and "embed" not in name for name, p in model.named_parameters()]
        matrices = [m for m, is_inner in zip(self.masters, inner) if is_inner]
        others = [m for m, is_inner in zip(self.masters, inner) if not is_inner]
        self.muon = torch.optim.Muon(
            matrices, lr=0.0, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
        )
        self.adamw = torch.optim.AdamW(others, lr=0.0, betas=(0.9, 0.98), weight_decay=0.0)

    def step(self, rate: float) -> None:
        """Apply the model's gradients and clear them."""
        for master, parameter in zip(self.masters, self.parameters):
            master.grad = parameter.grad.float()
            parameter.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.muon.param_groups[0]["lr"], self.adamw.param_groups[0]["lr"] = rate, rate / 2
        self.muon.step()
        self.adamw.step()
        self.write_back()

    @torch.no_grad()
    def write_back(self) -> None:
        """Round the masters into the model's own parameters."""
        for parameter, master in zip(self.parameters, self.masters):
            parameter.copy_(master)

    def state_dict(self) -> dict:
        return {
            "masters": self.masters,
            "muon": self.muon.state_dict(),
            "adamw": self.adamw.state_dict(),
        }

    def load_state_dict(self, state: dict) -> None:
        with torch.no_grad():
            for master, saved in zip(self.masters, state["masters"]):
                master.copy_(saved)
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])
        self.write_back()


def batch_loss(
    model: torch.nn.Module, batch: Batch, generator: torch.Generator
) -> tuple[torch.Tensor, float]:
    """Return the mean loss in nats over the sampled positions, and the accuracy where the weight is
    1.

    A token of weight w counts with probability w. The expectation is the same as with weighting,
    and most logits are never computed.
    """
    device = model.device
    weights = batch.weights[:, 1:]
    chosen = weights > torch.rand(weights.shape, generator=generator)
    hidden = model.model(batch.ids.to(device), use_cache=False)[0][:, :-1]
    logits = model.lm_head(hidden[chosen.to(device)]).float()  # (n_chosen, V)
    targets = batch.ids[:, 1:][chosen].to(device)
    sure = (weights[chosen] == 1).to(device)
    accuracy = (logits.argmax(-1) == targets)[sure].float().mean().item()
    return F.cross_entropy(logits, targets), accuracy


class PretrainingRun:
    """One stage of one model: its phases in order, with a checkpoint in `folder` every
    two minutes.
    """

    def __init__(
        self,
        size: str,
        phases: list[Phase],
        tokenizer: PreTrainedTokenizerBase,
        folder: Path,
        seed: int,
        start: Path | None = None,
    ):
        self.phases = phases
        self.tokenizer = tokenizer
        self.folder = folder
        self.seed = seed
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = (
                Lfm2ForCausalLM.from_pretrained(start, dtype=torch.float32)
                if start
                else Lfm2ForCausalLM(SIZES[size].config())
            )
        self.model = model.to(self.device).train()
        self.optimizer = Optimizer(self.model)
        self.model.to(number_format(self.device).dtype)
        self.optimizer.parameters = list(self.model.parameters())
        stamp = hashlib.sha256(
            repr((SIZES[size], seed, [phase.description() for phase in phases])).encode()
        ).hexdigest()[:16]
        self.progress: dict[str, Any] = {
            "recipe": stamp,
            "phase": 0,
            "pool": 0,
            "phase_tokens": 0,
            "tokens": 0,
            "steps": 0,
            "seconds": 0.0,
            "data": "",
        }
        folder.mkdir(parents=True, exist_ok=True)
        if self._checkpoint.exists():
            saved = torch.load(self._checkpoint, map_location=self.device, weights_only=True)
            if saved["progress"].get("recipe") != stamp:
                raise AdaptLabError(
                    f"{folder} contains a training run with another seed or recipe. Move it"
                    " away, or use its seed and recipe."
                )
            self.optimizer.load_state_dict(saved["optimizer"])
            self.progress = saved["progress"]
            self._cut_log()

    def _cut_log(self) -> None:
        """Drop the log's rows after the checkpoint: their steps run again."""
        log = self.folder / "log.jsonl"
        lines = log.read_text().splitlines(keepends=True) if log.exists() else []
        write_whole(
            log,
            "".join(line for line in lines if json.loads(line)["steps"] <= self.progress["steps"]),
        )

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        """Write the checkpoint completely, or keep the old checkpoint."""
        part = self._checkpoint.with_suffix(".part")
        torch.save({"optimizer": self.optimizer.state_dict(), "progress": self.progress}, part)
        os.replace(part, self._checkpoint)

    def rate(self, phase: Phase) -> float:
        """Return the present learning rate: warm-up over the first 50 steps of the run, then linear
        within the phase.
        """
        done = self.progress["phase_tokens"] / phase.n_tokens
        return (phase.rates[0] + (phase.rates[1] - phase.rates[0]) * done) * min(
            1.0, (self.progress["steps"] + 1) / 50
        )

    def train(self) -> dict:
        """Run the remaining steps; return the progress record."""
        while self.progress["phase"] < len(self.phases):
            phase = self.phases[self.progress["phase"]]
            self._train_phase(phase)
            self.progress |= {"phase": self.progress["phase"] + 1, "pool": 0, "phase_tokens": 0}
            self.save()
        return self.progress

    def _train_phase(self, phase: Phase) -> None:
        progress = self.progress
        generator = torch.Generator()
        last_save = time.monotonic()
        losses = []
        accuracies = []
        with progress_bar(
            total=phase.n_tokens,
            initial=progress["phase_tokens"],
            desc=f"{self.folder.name} {phase.name}",
            unit="tok",
            unit_scale=True,
            mininterval=10,
        ) as bar:
            for number, batch in batches(phase, self.tokenizer, str(self.seed), progress["pool"]):
                if progress["phase_tokens"] >= phase.n_tokens:
                    return
                if number > progress["pool"] and time.monotonic() - last_save > CHECKPOINT_SECONDS:
                    progress["pool"] = number
                    self.save()
                    last_save = time.monotonic()
                began = time.monotonic()
                # By step, so that a resumed run samples alike.
                generator.manual_seed(self.seed * 1_000_003 + progress["steps"])
                loss, accuracy = batch_loss(self.model, batch, generator)
                loss.backward()
                self.optimizer.step(self.rate(phase))
                progress["seconds"] += time.monotonic() - began
                progress["steps"] += 1
                for key in ("phase_tokens", "tokens"):
                    progress[key] += batch.ids.numel()
                progress["data"] = hashlib.sha256(
                    (progress["data"] + batch.digest).encode()
                ).hexdigest()
                losses.append(loss.item())
                accuracies.append(accuracy)
                bar.update(batch.ids.numel())
                if progress["steps"] % 50 == 0:
                    record = self._record(phase, losses[-50:], accuracies[-50:])
                    bar.set_postfix(
                        loss=f"{record['loss']:.2f}", accuracy=f"{record['accuracy']:.3f}"
                    )
                    if "scores" in record:
                        bar.write(
                            " ".join(
                                f"{kind} {score:.0%}" for kind, score in record["scores"].items()
                            )
                        )

    def _record(self, phase: Phase, losses: list[float], accuracies: list[float]) -> dict:
        """Append the state of training to the log, sometimes with a score for each kind of
        answer.
        """
        record = {key: self.progress[key] for key in ("steps", "tokens", "seconds")} | {
            "phase": phase.name
        }
        record |= {"loss": sum(losses) / len(losses), "accuracy": sum(accuracies) / len(accuracies)}
        if self.progress["steps"] % PROBE_STEPS == 0:
            record["scores"] = scores(self.model.eval(), self.tokenizer, phase)
            self.model.train()
        with open(self.folder / "log.jsonl", "a") as log:
            log.write(json.dumps(record) + "\n")
        return record

    @property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    def export(self, target: Path) -> None:
        """Save the model in bfloat16 with its tokenizer, in the format of transformers."""
        self.model.to(torch.bfloat16).save_pretrained(target)
        self.tokenizer.save_pretrained(target)
