"""The number format of training: bfloat16 where the machine is good at it, else float32. It is
decided here and nowhere else.

Training computes in the format under float32 master weights. Models are loaded in it on a GPU, and
in float32 on a processor, so that a reply depends neither on the kind of processor nor on which
other prompts share its batch; `dtype` where a model is loaded asks for another format.
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
FASTER = 1.25  # times float32's speed, from which on bfloat16 is worth its rounding
SMALLEST = 32
LARGEST = 1024  # rows of the square matrices of the probe
GROWTH = 8  # times the operations, where the rows double
# Of each size in each format: one that also chooses its kernel, and three that are timed.
PRODUCTS = 4
PROBE_SECONDS = 0.15
FINE = 1e-5  # seconds; a clock of a thread that is coarser, as that of Windows, is not used


@dataclass(frozen=True)
class NumberFormat:
    """`name`: float32 or bfloat16. `reason`: why, as the end of a sentence. `asked`: whether
    somebody asked for it, or the machine's nature chose it.
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
    """The name of a number format, or an empty one for the machine's choice. Raises AdaptLabError
    for any other.
    """
    if name and name not in FORMATS:
        raise AdaptLabError(
            f"{name!r} is not a number format. Use {' or '.join(FORMATS)}, as dtype or in"
            f" {SETTING}."
        )
    return name


def setting() -> str:
    """The format that the setting names, or an empty one. Raises AdaptLabError for any other."""
    return check_format(os.environ.get(SETTING, ""))


def use_format(name: str) -> None:
    """Set the format for this process and for those that it starts; an empty name
    changes nothing.
    """
    if check_format(name):
        os.environ[SETTING] = name


def number_format(device: str, asked: str = "") -> NumberFormat:
    """The format in which models are trained on a device: the one asked for, that of the setting,
    or the one that suits the machine.
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
    """The format in which a model's weights are loaded."""
    setting()  # a wrong one is refused, though a processor's weights do not follow it
    return _dtype(
        check_format(asked)
        or (number_format(device).name if device.startswith("cuda") else "float32")
    )


@cache
def bfloat16_speed() -> float:
    """Speed of a matrix product in bfloat16 over that in float32 on this processor; found in at
    most 0.3 s.

    Where bfloat16 is emulated a product takes up to 500 times as long as in float32. So the
    matrices begin small, and grow while the next size is predicted to fit into what is left of the
    time. In small products the time around the arithmetic outweighs it, so the last size alone
    counts.
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
    """Seconds of a product of (n, n) matrices in float32 and in bfloat16: the shortest of three
    each, in turns, on one core.

    They are seconds of the core, not of the clock, so that other programs on it do not count.
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
        a = torch.randn(n, n)
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
