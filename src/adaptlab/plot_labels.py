"""Labels at the ends of lines, in place of a legend: legible colours, and no label over another."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_hex, to_rgb

LABEL_POINTS = 9


def ink(colour: str) -> str:
    """Return a colour, darkened until text in it is legible on white (WCAG contrast of 4.5)."""
    rgb = np.array(to_rgb(colour))
    while True:
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        if 1.05 / (linear @ (0.2126, 0.7152, 0.0722) + 0.05) >= 4.5:
            return to_hex((rgb[0], rgb[1], rgb[2]))
        rgb = 0.95 * rgb


def spread(wanted: Sequence[float], sizes: Sequence[float], length: float) -> list[float]:
    """Return centres on a line from 0 to `length`, near the wanted centres, at which intervals of
    these sizes do not overlap.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    centres = [float(wanted[i]) for i in order]
    half = [sizes[i] / 2 for i in order]
    up = _pushed_up(centres, half, -np.inf)
    down = _pushed_down(centres, half, np.inf)
    # Both have the gaps that are needed, so their mean has them.
    centres = [(high + low) / 2 for high, low in zip(up, down)]
    centres = _pushed_down(_pushed_up(centres, half, 0), half, length)
    return [centre for _, centre in sorted(zip(order, centres))]


def _pushed_up(centres: Sequence[float], half: Sequence[float], end: float) -> list[float]:
    placed = []
    for centre, size in zip(centres, half):
        placed.append(max(centre, end + size))
        end = placed[-1] + size
    return placed


def _pushed_down(centres: Sequence[float], half: Sequence[float], end: float) -> list[float]:
    mirrored = _pushed_up([-centre for centre in centres[::-1]], half[::-1], -end)
    return [-centre for centre in mirrored[::-1]]


def label_directly(axes, ends: Sequence[tuple[str, float, float, str]]) -> None:
    """Write names (name, x, y, colour) right of the plane, each led to its point (x, y).

    Labels have the height of their point, as far as they do not overlap.
    """
    labels = [textwrap.fill(name, 28) for name, *_ in ends]
    longest = max(len(line) for label in labels for line in label.splitlines())
    figure = axes.figure
    # About their room in inches, so that the plane keeps its size.
    figure.set_figwidth(figure.get_figwidth() + 0.2 + 0.07 * longest)
    heights = [1.35 * LABEL_POINTS * (label.count("\n") + 1) for label in labels]  # points
    figure.set_figheight(max(figure.get_figheight(), sum(heights) / 72 + 1.1))
    notes = []
    for label, (_, x, y, colour) in zip(labels, ends):
        leader = {"arrowstyle": "-", "color": colour, "linewidth": 0.7, "alpha": 0.6}
        note = axes.annotate(
            label,
            (x, y),
            xytext=(1.03, 0.5),
            textcoords="axes fraction",
            color=ink(colour),
            fontsize=LABEL_POINTS,
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={**leader, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 3},
        )
        notes.append(note)
    figure.draw_without_rendering()  # or the plane does not have its place yet
    plane = axes.get_window_extent()
    wanted = [axes.transData.transform((x, y))[1] - plane.y0 for _, x, y, _ in ends]
    centres = spread(wanted, [size * figure.dpi / 72 for size in heights], plane.height)
    for note, centre, (_, x, y, _) in zip(notes, centres, ends):
        note.set_position((1.03, centre / plane.height))
        if plane.x1 - axes.transData.transform((x, y))[0] > 0.15 * plane.width:
            note.arrow_patch.set_linestyle((0, (1, 4)))  # a long leader must not look like data
