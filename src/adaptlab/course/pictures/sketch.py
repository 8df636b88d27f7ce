"""A sheet on which the course's pictures are composed of boxes, arrows, tokens and matrices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.textpath import TextPath

from adaptlab.plot_labels import ink
from adaptlab.plots import COLOURS, Figure

PROMPT, WEIGHTS, STORE, EXTRA = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[3]
GREY = "#666666"
BLACK = "#222222"
WHITE = "#ffffff"
WIDTH = 100.0  # units of a sheet; one is 0.08 inches, about a character of 10 points
INCHES = 0.08
SIZE = 10.0  # points of a text
SMALL = 9.0
HALF_CAPITAL = 0.063  # units, of a capital letter of one point

Point = tuple[float, float]


def tint(colour: str, part: float = 0.16) -> str:
    """Return a colour mixed with white; `part` is the colour's share."""
    red, green, blue = (part * channel + 1 - part for channel in to_rgb(colour))
    return to_hex((red, green, blue))


def text_width(text: str, size: float = SIZE) -> float:
    """Return the width of a text in units of the sheet."""
    return TextPath((0, 0), text or " ", size=size).get_extents().x1 / 72 / INCHES


@dataclass(frozen=True)
class Box:
    """A rectangle by its centre and size, in units of the sheet."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> Point:
        return (self.x - self.width / 2, self.y)

    @property
    def right(self) -> Point:
        return (self.x + self.width / 2, self.y)

    @property
    def top(self) -> Point:
        return (self.x, self.y + self.height / 2)

    @property
    def bottom(self) -> Point:
        return (self.x, self.y - self.height / 2)


class Sheet:
    """A white sheet, 100 units wide; y rises from 0 at the bottom to `height`."""

    def __init__(self, height: float):
        self.canvas = Canvas(figsize=(WIDTH * INCHES, height * INCHES))
        self.axes = self.canvas.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, WIDTH), ylim=(0, height))
        self.axes.axis("off")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        colour: str = BLACK,
        size: float = SIZE,
        bold: bool = False,
        across: str = "center",
        maths: bool = False,
        halo: bool = False,
    ) -> None:
        """Write a text around (x, y); `across` is its horizontal alignment, `halo` sets it off
        from lines below it.
        """
        # Letters with and without descenders have one baseline.
        one_line = "\n" not in text and not maths
        around = [withStroke(linewidth=3, foreground=WHITE)] if halo else []
        self.axes.text(
            x,
            y - HALF_CAPITAL * size if one_line else y,
            text,
            color=colour if colour == WHITE else ink(colour),
            fontsize=size,
            fontweight="bold" if bold else "normal",
            horizontalalignment=across,
            verticalalignment="baseline" if one_line else "center",
            path_effects=around,
            linespacing=1.3,
            parse_math=maths,
        )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        text: str = "",
        colour: str = GREY,
        solid: bool = False,
        dashed: bool = False,
        size: float = SIZE,
        bold: bool = False,
    ) -> Box:
        """Draw a box around (x, y): tinted, or of full colour with white text if `solid`."""
        fill = ink(colour) if solid else tint(colour)
        patch = FancyBboxPatch(
            (x - width / 2 + 0.8, y - height / 2 + 0.8),
            width - 1.6,
            height - 1.6,
            boxstyle="round,pad=0.8",
            facecolor="white" if dashed else fill,
            edgecolor=ink(colour),
            linestyle="--" if dashed else "-",
            linewidth=1.2,
        )
        self.axes.add_patch(patch)
        self.text(x, y, text, WHITE if solid else BLACK, size, bold)
        return Box(x, y, width, height)

    def arrow(
        self,
        *points: Point,
        colour: str = GREY,
        dashed: bool = False,
        bend: float = 0.0,
        width: float = 1.4,
    ) -> None:
        """Draw an arrow along the points; with two points, `bend` curves it to the right."""
        style: dict[str, Any] = {
            "arrowstyle": "-|>",
            "mutation_scale": 13,
            "color": ink(colour),
            "linewidth": width,
            "linestyle": "--" if dashed else "-",
            "shrinkA": 0,
            "shrinkB": 0,
        }
        if len(points) == 2:
            curve = f"arc3,rad={bend}"
            patch = FancyArrowPatch(*points, connectionstyle=curve, **style)
        else:
            patch = FancyArrowPatch(path=Path(points), joinstyle="miter", **style)
        self.axes.add_patch(patch)

    def line(self, *points: Point, colour: str = GREY, dashed: bool = False, width=1.2) -> None:
        """Draw a line along the points."""
        x, y = zip(*points)
        self.axes.plot(x, y, color=colour, linewidth=width, linestyle="--" if dashed else "-")

    def dot(self, x: float, y: float, colour: str, size: float = 9) -> None:
        """Draw a point of `size` points of diameter."""
        self.axes.plot([x], [y], "o", color=colour, markersize=size, markeredgecolor="white")

    def valley(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw level lines around (x, y), darker inside, where the loss is lower."""
        for scale in (1.0, 0.74, 0.5, 0.28):
            ring = Ellipse(
                (x, y),
                scale * width,
                scale * height,
                facecolor=(*to_rgb(colour), 0.13),
                edgecolor=(*to_rgb(colour), 0.7),
                linewidth=0.9,
            )
            self.axes.add_patch(ring)

    def matrix(
        self, x: float, y: float, width: float, height: float, values: np.ndarray, limit: float
    ) -> None:
        """Draw a matrix around (x, y): negative entries blue, zero white, positive ones orange."""
        rows, columns = values.shape
        wide, high = width / columns, height / rows
        for (row, column), value in np.ndenumerate(values):
            colour = WEIGHTS if value > 0 else PROMPT
            corner = (x - width / 2 + column * wide, y + height / 2 - (row + 1) * high)
            part = min(1.0, abs(value) / limit)
            cell = Rectangle(
                corner, wide, high, facecolor=tint(colour, part), edgecolor="white", linewidth=0.4
            )
            self.axes.add_patch(cell)
        corner = (x - width / 2, y - height / 2)
        frame = Rectangle(corner, width, height, facecolor="none", edgecolor=GREY, linewidth=0.8)
        self.axes.add_patch(frame)

    def figure(self, *sentences: str) -> Figure:
        """Return the sheet as a figure whose text alternative is these sentences."""
        return Figure(self.canvas, " ".join(sentences))


def chain(sheet: Sheet, boxes: Sequence[Box], colour: str = GREY) -> None:
    """Lead an arrow from each box to the next, from left to right."""
    for before, after in zip(boxes, boxes[1:]):
        sheet.arrow(before.right, after.left, colour=colour)
