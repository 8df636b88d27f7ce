"""Lab 07: forgetting over stages, old examples among new ones, a gate with weights, the way back,
and the frontier.
"""

from adaptlab.grading.labs.lab07.frontier import frontier
from adaptlab.grading.labs.lab07.gate_order import gate_order
from adaptlab.grading.labs.lab07.interleave import interleave
from adaptlab.grading.labs.lab07.measures import measures
from adaptlab.grading.labs.lab07.paired import paired
from adaptlab.grading.labs.lab07.verdicts import verdicts
from adaptlab.grading.labs.lab07.way_back import way_back

__all__ = ["measures", "interleave", "paired", "verdicts", "way_back", "gate_order", "frontier"]
