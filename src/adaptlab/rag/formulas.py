"""Formulas and raised numbers in one line of text, so that a power is not read as a part of its
number.
"""

import re

RAISED = "\ufdd0"
LOWERED = "\ufdd1"  # before raised and lowered text; no text has these marks
SIGNS = {RAISED: "^", LOWERED: "_"}

_MARK = re.compile(f"[{RAISED}{LOWERED}]")
_BETWEEN_DIGITS = re.compile(rf"(?<=\d)([{RAISED}{LOWERED}])(?=[-+\u2212]?\d)")
# The parts of Word's formulas, and what joins them.
_BEFORE = {"den": "/", "sup": "^", "sub": "_", "lim": "_"}

# Separators of the parts of functions such as sin x, of the rows of a matrix, and of rows.
_BETWEEN = {"func": " ", "m": "; ", "mr": ", ", "eqArr": "; "}


def with_signs(text: str) -> str:
    """Write 10 with a raised 6 as 10^6. A mark that is not between digits adds nothing: 1st,
    CO2.
    """
    signed = _BETWEEN_DIGITS.sub(lambda found: SIGNS[found[1]], text)
    return _MARK.sub("", signed)


def linear(kind: str, parts: list[tuple[str, str]], signs: dict[str, str]) -> str:
    """Write a part of a Word formula in one line, as a/b, x^2, √(a+b).

    `parts` are (name, text) in their order; `signs` are the characters that Word stores as
    properties: brackets, and the sign of a sum.
    """
    if kind == "d":
        inner = signs.get("sepChr", "|").join(text for _, text in parts)
        return signs.get("begChr", "(") + inner + signs.get("endChr", ")")
    if kind in _BETWEEN:
        return _BETWEEN[kind].join(text for _, text in parts)
    if kind == "nary":
        *limits, (_, body) = parts or [("e", "")]
        return signs.get("chr", "∫") + "".join(_joined(limits)) + f" {body}"
    if kind == "rad":
        root = dict(parts)
        return root.get("deg", "") + "√" + grouped(root.get("e", ""))
    return "".join(_joined(parts))


def _joined(parts: list[tuple[str, str]]) -> list[str]:
    return [_BEFORE.get(name, "") + grouped(text) for name, text in parts if text]


def grouped(text: str) -> str:
    """Add brackets, unless it is a single word, number or sign."""
    return text if re.fullmatch(r"[\w.,]*|.", text) else f"({text})"
