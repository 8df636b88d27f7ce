"""The number format of training: bfloat16 if the machine is fast at it, else float32. Only this
module decides it.

Training computes in the format under float32 master weights. Models are loaded in it on a GPU, and
in float32 on a processor. There a reply depends neither on the processor nor on the other prompts
of its batch. `dtype` of a loading function selects another format.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from adaptlab.errors import AdaptLabError

if TYPE_CHECKING:
    import torch

SETTING = "ADAPTLAB_DTYPE"
FORMATS = ("float32", "bfloat16")
FASTER = 1.25  # least speed relative to float32 at which bfloat16 is worth its rounding
SMALLEST = 32
LARGEST = 1024  # rows of the square matrices of the probe
GROWTH = 8  # times the operations, where the rows double
# Per size and format: one product that also chooses its kernel, and three timed products.
PRODUCTS = 4
PROBE_SECONDS = 0.15
FINE = 1e-5  # seconds; a clock of a thread that is coarser, as that of Windows, is not used


@dataclass(frozen=True)
class NumberFormat:
    """`name`: float32 or bfloat16. `reason`: why, as the end of a sentence. `asked`: whether the
    user or the machine chose it.
    """

    name: str
    reason: str
    asked: bool = False

    @property
    def dtype(self) -> "torch.dtype":
        return _dtype(self.name)

    @property
    def is_bfloat16(self) -> bool:
        return self.name == "bfloat16"


def _dtype(name: str) -> "torch.dtype":
    import torch

    return getattr(torch, name)


def check_format(name: str) -> str:
    """Return the name of a number format; an empty name leaves the choice to the machine.

    Raises:
        AdaptLabError: if the name is another.
    """
    if name and name not in FORMATS:
        raise AdaptLabError(
            f"{name!r} is not a number format. Use {' or '.join(FORMATS)}, as dtype or in"
            f" {SETTING}."
        )
    return name


def setting() -> str:
    """Return the format in the setting, or an empty name.

    Raises:
        AdaptLabError: if the setting is not a format.
    """
    return check_format(os.environ.get(SETTING, ""))


def use_format(name: str) -> None:
    """Set the format for this process and its child processes; an empty name changes nothing."""
    if check_format(name):
        os.environ[SETTING] = name


def number_format(device: str, asked: str = "") -> NumberFormat:
    """Return the format for training on a device: the given format, the setting, or the machine's
    best format.
    """
    if check_format(asked):
        return NumberFormat(asked, "it was asked for", asked=True)
    if name := setting():
        return NumberFormat(name, f"{SETTING} says so", asked=True)
    if device.startswith("cuda"):
        import torch

        if torch.cuda.is_bf16_supported(including_emulation=False):
            return NumberFormat("bfloat16", "this GPU computes in it")
        return NumberFormat("float32", "this GPU only emulates bfloat16")
    ratio = bfloat16_speed()
    name = "bfloat16" if ratio >= FASTER else "float32"
    return NumberFormat(
        name,
        f"a bfloat16 matrix product has {ratio:.2g} times the speed of a float32 one on this"
        " processor",
    )


def weights_dtype(device: str, asked: str = "") -> "torch.dtype":
    """Return the format in which a model's weights are loaded."""
    setting()  # a wrong name is an error, though a processor's weights do not follow it
    return _dtype(
        check_format(asked)
        or (number_format(device).name if device.startswith("cuda") else "float32")
    )


@cache
def bfloat16_speed() -> float:
    """Measure the speed of a bfloat16 matrix product relative to float32 on this processor, in at
    most 0.3 s.

    Emulated bfloat16 takes up to 500 times as long as float32. So the matrices start small and grow
    while the predicted time of the next size fits into the rest. In small products overhead
    dominates, so only the last size counts.
    """
    n = SMALLEST
    spent = 0.0
    while True:
        times = _product_seconds(n)
        seconds = PRODUCTS * sum(times)
        spent += seconds
        if n >= LARGEST or spent + GROWTH * seconds > PROBE_SECONDS:
            return times[0] / times[1]
        n *= 2


def _product_seconds(n: int) -> tuple[float, float]:
    """Measure the seconds of a product of (n, n) matrices in float32 and in bfloat16, on one core.

    Each is the shortest of three, measured alternately. The seconds are CPU time, so other programs
    do not count.
    """
    import torch

    timer = (
        time.thread_time
        if time.get_clock_info("thread_time").resolution < FINE
        else time.perf_counter
    )
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # or threads that wait for each other would count
    try:
        # Its own generator: a measurement during training must not change the next random number.
        a = torch.randn(n, n, generator=torch.Generator())
        pair = (a, a.bfloat16())
        for matrix in pair:
            matrix @ matrix  # the first product of a shape also chooses its kernel
        times = [[_seconds(timer, matrix) for matrix in pair] for _ in range(PRODUCTS - 1)]
    finally:
        torch.set_num_threads(n_threads)
    in_float32, in_bfloat16 = map(min, zip(*times))
    return in_float32, in_bfloat16


def _seconds(timer: Callable[[], float], matrix: "torch.Tensor") -> float:
    began = timer()
    matrix @ matrix
    return timer() - began
