"""An estimate: pure Python, since the page for decisions runs in a browser, without numpy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval and its number of cases."""

    value: float
    low: float
    high: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        return self.low, self.high

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}], n = {self.n}"
