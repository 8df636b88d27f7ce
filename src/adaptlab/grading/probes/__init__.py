"""Functions that call an answer, for each lab. Only this part of a check is copied into the
sandbox; it contains no reference answers.
"""

from collections.abc import Callable
from typing import Any


def call(answer: Callable, *args: Any) -> Any:
    """Call the answer and return its result."""
    return answer(*args)
