"""Predict the memory and the arithmetic of a training step on the real architecture, without its
weights.

One forward pass of a few layers uses tensors that have shapes but no numbers (torch's
FakeTensorMode). It shows what autograd keeps for the backward pass and what is multiplied; the rest
is counted. That pass has a mask, and repeats keys and values for grouped heads. `transformers`
leaves both out if no sequence of a batch is padded: then the prediction is a few percent high.
"""

import copy
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, PretrainedConfig

from adaptlab.checks import check_rank, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.lora.accounting import (
    n_linear_weights,
    n_lora_parameters,
    n_parameters,
    nf4_bytes,
    skeleton,
)
from adaptlab.lora.adapter import inject

METHODS = ("full", "lora", "qlora")
# Of the weights; mixed computes in bfloat16.
PRECISIONS = {"float32": torch.float32, "mixed": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Memory:
    """Bytes of a step with AdamW: the permanent parts, and the temporary parts of forward pass,
    backward pass and update.
    """

    weights: int
    optimizer: int  # two moments for each trained number
    activations: int  # activations that the forward pass keeps for the backward pass
    logits: int  # gradients of the logits and of their copy in float32
    gradients: int
    update: int  # temporary values of the update

    @property
    def peak(self) -> int:
        """The largest sum of parts that exist at once, in bytes.

        The backward pass starts with all activations and no gradients; the update has the gradients
        and no activations.
        """
        return (
            self.weights
            + self.optimizer
            + max(self.activations + self.logits, self.gradients + self.update)
        )


@dataclass(frozen=True)
class _Pass:
    """Bytes kept and operations of one forward pass: outside the layers, and in a layer of each
    kind.
    """

    outside: int
    layers: dict[str, int]
    inputs: dict[str, int]
    operations_outside: int
    operations: dict[str, int]


@dataclass(frozen=True)
class Plan:
    """A training plan for a model: `method` is one of METHODS (full, LoRA on all linear layers, or
    QLoRA on 4-bit layers).

    `precision` is one of PRECISIONS. `checkpointing` keeps each layer's input and computes the rest
    again (Chen et al. 2016).
    """

    config: PretrainedConfig
    method: str
    n_tokens: int
    rank: int = 16
    precision: str = ""  # default: mixed for full training, bfloat16 under adapters
    checkpointing: bool = False

    def __post_init__(self):
        object.__setattr__(
            self, "precision", self.precision or ("mixed" if self.method == "full" else "bfloat16")
        )
        if self.method not in METHODS or self.precision not in PRECISIONS:
            raise AdaptLabError(
                f"The method {self.method!r} in {self.precision!r} is not supported. Choose a"
                f" method from {', '.join(METHODS)} and a precision from"
                f" {', '.join(PRECISIONS)}."
            )
        check_whole(self.n_tokens, "n_tokens"), check_rank(self.rank)
        longest = getattr(self._text, "max_position_embeddings", None) or self.n_tokens
        if not 2 <= self.n_tokens <= longest:
            raise AdaptLabError(
                f"A sequence of {self.n_tokens} tokens cannot be trained on. Give 2 to"
                f" {longest:,} tokens."
            )

    @property
    def _text(self) -> PretrainedConfig:
        return self.config.get_text_config(decoder=True)

    @cached_property
    def _skeleton(self) -> nn.Module:
        return skeleton(self.config)

    @cached_property
    def _kinds(self) -> Counter:
        """Count the layers of each kind."""
        return Counter(
            getattr(self._text, "layer_types", None)
            or ["full_attention"] * self._text.num_hidden_layers
        )

    @property
    def n_trained(self) -> int:
        """Count the trained parameters."""
        return (
            n_parameters(self._skeleton)
            if self.method == "full"
            else n_lora_parameters(self._skeleton, self.rank)
        )

    def memory(self, n_sequences: int) -> Memory:
        """Predict the memory of a step on n_sequences."""
        if n_sequences < 1:
            raise AdaptLabError(
                f"A batch of {n_sequences} sequences cannot be trained on. Give at least 1"
                " sequence."
            )
        trained = (
            4 * self.n_trained
            if self.precision != "bfloat16" or self.method != "full"
            else 2 * self.n_trained
        )
        half = 4 if self.precision == "float32" else 2
        return Memory(
            weights=self._weights() + (trained if self.method != "full" else 0),
            optimizer=2 * trained,
            activations=self._activations(n_sequences),
            logits=n_sequences * self.n_tokens * self._text.vocab_size * (4 + half),
            gradients=trained,
            update=trained,
        )

    def operations(self, n_sequences: int) -> int:
        """Predict the floating-point operations of a step.

        They are those of the forward pass, as many again for the gradients of its inputs, and those
        for the gradients of trained weights. Checkpointing adds a forward pass. The update is small
        and left out.
        """
        one = self._one
        forward = n_sequences * (
            one.operations_outside
            + sum(n * one.operations[kind] for kind, n in self._kinds.items())
        )
        of_weights = (
            2
            * n_sequences
            * self.n_tokens
            * (n_parameters(self._skeleton) if self.method == "full" else self.n_trained)
        )
        return forward * (2 + self.checkpointing) + of_weights

    def largest_batch(self, n_bytes: float) -> int:
        """Return the largest number of sequences, a power of two up to 512, whose step fits into
        n_bytes; 0 if none does.
        """
        return max(
            (n for n in (2**i for i in range(10)) if self.memory(n).peak <= n_bytes), default=0
        )

    def _weights(self) -> int:
        """Count the bytes of the model itself."""
        each = PRECISIONS[self.precision].itemsize
        if self.method != "qlora":
            return each * n_parameters(self._skeleton)
        frozen = n_linear_weights(self._skeleton)
        return each * (n_parameters(self._skeleton) - frozen) + round(nf4_bytes(frozen))

    def _activations(self, n_sequences: int) -> int:
        # Linear in the sequences but for what they share, so two small passes serve every batch.
        def grown(one: int, two: int) -> int:
            return one + (two - one) * (n_sequences - 1)

        one = self._one
        two = self._two
        layers = {kind: grown(one.layers[kind], two.layers[kind]) for kind in self._kinds}
        total = grown(one.outside, two.outside)
        if self.checkpointing:
            return (
                total
                + max(layers.values())
                + sum(
                    n * grown(one.inputs[kind], two.inputs[kind]) for kind, n in self._kinds.items()
                )
            )
        return total + sum(n * layers[kind] for kind, n in self._kinds.items())

    @cached_property
    def _one(self) -> _Pass:
        return self._pass(1)

    @cached_property
    def _two(self) -> _Pass:
        return self._pass(2)

    def _pass(self, n_sequences: int) -> _Pass:
        """Run a forward pass of a model with one layer of each kind."""
        kinds = list(self._kinds)
        config = copy.deepcopy(self.config)
        text = config.get_text_config(decoder=True)
        if getattr(text, "layer_types", None):
            text.layer_types = kinds
        text.num_hidden_layers = len(kinds)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, dtype=PRECISIONS[self.precision])
        if self.method != "full":
            inject(model, self.rank, self.rank)
        return _measured(
            model.train(), kinds, n_sequences, self.n_tokens, self.precision == "mixed"
        )


def _measured(
    model: nn.Module, kinds: list[str], n_sequences: int, n_tokens: int, mixed: bool
) -> _Pass:
    """Measure one forward pass of a model on the meta device whose layers are of these kinds."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        _with_shapes(model)
        blocks = max((m for m in model.modules() if isinstance(m, nn.ModuleList)), key=len)
        own = {
            tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())
        }
        seen: dict[int, torch.UntypedStorage] = {}
        kept: Counter = Counter()
        inputs: Counter = Counter()
        operations: Counter = Counter()
        inside = [""]

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in own and storage._cdata not in seen:
                seen[storage._cdata] = storage  # held, so that its address is not given to another
                kept[inside[0]] += storage.nbytes()
            return tensor

        def watch(kind: str, block: nn.Module) -> None:
            def enter(_, args: tuple, kwargs: dict) -> None:
                inside[0] = kind
                inputs[kind] = (args[0] if args else kwargs["hidden_states"]).nbytes
                operations[kind] -= flops.get_total_flops()

            def leave(*_) -> None:
                inside[0] = ""
                operations[kind] += flops.get_total_flops()

            block.register_forward_pre_hook(enter, with_kwargs=True)
            block.register_forward_hook(leave)

        for kind, block in zip(kinds, blocks):
            watch(kind, block)
        ids = torch.zeros(n_sequences, n_tokens, dtype=torch.long)
        flops = FlopCounterMode(display=False)
        with (
            flops,
            saved_tensors_hooks(pack, lambda tensor: tensor),
            torch.autocast("cpu", torch.bfloat16, enabled=mixed),
        ):
            model(input_ids=ids, labels=ids, use_cache=False)
    total = flops.get_total_flops() - sum(operations.values())
    return _Pass(
        kept[""], {kind: kept[kind] for kind in kinds}, dict(inputs), total, dict(operations)
    )


def _with_shapes(model: nn.Module) -> None:
    """Replace the model's meta tensors by fake tensors on the processor; tied tensors stay tied."""
    made: dict[int, torch.Tensor] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                if id(parameter) not in made:
                    made[id(parameter)] = nn.Parameter(
                        torch.empty_like(parameter, device="cpu"), parameter.requires_grad
                    )
                module._parameters[name] = made[id(parameter)]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty_like(buffer, device="cpu")
