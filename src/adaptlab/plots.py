"""Every figure of the course, each with a text alternative. Nothing is computed here."""

import base64
import html
import io
import struct
import textwrap
from collections.abc import Collection, Mapping, Sequence
from statistics import mean, pstdev

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator
from textalloc import allocate as place_names

from adaptlab.evals.estimate import Estimate
from adaptlab.plot_labels import label_directly

# Okabe-Ito: colour-blind readers can distinguish them.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
MARKERS = "osD^vP"
LINES = ("-", "--", ":", "-.")
HATCHES = ("", "//", "..", "xx", "\\\\", "--")
PNG_DPI = 144
CSS_DPI = 96
CSS_WIDTH = 960  # at most; about the width of a cell in JupyterLab
DIRECT_SERIES = 6  # at most, to be labelled at their ends; more series have a legend
PUBLISHED = "published: "  # before the names of marks that were not measured here


class Figure:
    """A drawing with its text alternative; Jupyter shows it as a PNG image with alt text."""

    def __init__(self, figure: Canvas, alt: str):
        self.figure = figure
        self.alt = alt

    def svg(self) -> bytes:
        """Return the drawing as an SVG file."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
        return buffer.getvalue()

    def png(self) -> bytes:
        """Return the drawing as a PNG file on opaque white, which reads in a dark theme as well."""
        buffer = io.BytesIO()
        self.figure.savefig(
            buffer,
            format="png",
            dpi=PNG_DPI,
            bbox_inches="tight",
            facecolor="white",
            metadata={"Software": None},
        )
        return buffer.getvalue()

    def html(self) -> str:
        """Return the drawing and its alternative as an HTML element, for a page of one file."""
        alt = html.escape(self.alt)
        content = base64.b64encode(self.svg()).decode()
        drawing = f'<img alt="{alt}" src="data:image/svg+xml;base64,{content}">'
        return f'<figure style="margin:0">{drawing}<figcaption>{alt}</figcaption></figure>'

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        # nbconvert takes the alt text from the output's metadata, by type; GitHub and Colab show
        # no image of an HTML output reliably.
        image = self.png()
        width, height = css_size(image)
        data = {"image/png": base64.b64encode(image).decode(), "text/plain": self.alt}
        return data, {"image/png": {"width": width, "height": height, "alt": self.alt}}


def css_size(png: bytes) -> tuple[int, int]:
    """Return the width and height in CSS pixels at which a PNG of a `Figure` is displayed."""
    width, height = struct.unpack(">II", png[16:24])  # the image header's fixed place
    scale = min(CSS_DPI / PNG_DPI, CSS_WIDTH / width)
    return round(width * scale), round(height * scale)


def _axes(width: float = 6.4, height: float = 3.6):
    figure = Canvas(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    return figure, axes


def _describe(title: str, parts: Sequence[str]) -> str:
    return f"{title}: {'; '.join(parts)}."


def _legend_outside(axes) -> None:
    """Place the legend next to the plane, which lines or bars may fill."""
    # What has intervals comes first.
    entries = sorted(
        zip(*axes.get_legend_handles_labels()), key=lambda entry: not isinstance(entry[0], tuple)
    )
    wrapped = [textwrap.fill(label, 32) for _, label in entries]
    longest = max(len(line) for label in wrapped for line in label.splitlines())
    # About its room in inches, so that the plane keeps its size.
    axes.figure.set_figwidth(axes.figure.get_figwidth() + 0.5 + 0.075 * longest)
    axes.legend(
        [handle for handle, _ in entries],
        wrapped,
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1, 1),
    )


def _key(axes, ends: Sequence[tuple[str, float, float, str]], n_series: int, n_published: int):
    """Label series and reference lines at their ends; if they are many, place a legend next to
    the plane. Published marks have a legend in both cases.
    """
    if n_series > DIRECT_SERIES or not ends:
        _legend_outside(axes)
        return
    label_directly(axes, ends)
    if n_published:
        handles, names = axes.get_legend_handles_labels()
        marks = [
            (handle, name) for handle, name in zip(handles, names) if name.startswith(PUBLISHED)
        ]
        axes.figure.legend(*zip(*marks), frameon=False, loc="outside lower left")


def _draw_published(
    axes, published: Mapping[str, Mapping], places: Mapping | None = None
) -> list[str]:
    """Draw hollow marks by name, {x: y} each, without intervals; return their text alternative.

    `places` maps an x that is not a number to its position.
    """
    for i, (name, points) in enumerate(published.items()):
        x = [places[at] if places else at for at in points]
        marks = {
            "marker": MARKERS[::-1][i % 6],
            "markersize": 8,
            "markerfacecolor": "white",
            "color": "#555",
            "linestyle": "",
        }
        axes.plot(x, list(points.values()), label=PUBLISHED + name, **marks)
    by_name = {
        name: ", ".join(f"{at} {y:g}" if places else f"{y:g} at {at:g}" for at, y in points.items())
        for name, points in published.items()
    }
    return [
        f"published, of another model and task, {name}: {points}"
        for name, points in by_name.items()
    ]


def curves(
    title: str,
    x_label: str,
    y_label: str,
    x: Sequence[float],
    series: Mapping[str, Sequence[Estimate]],
    reference: Mapping[str, float] = {},
    logarithmic: bool = False,
    published: Mapping[str, Mapping[float, float]] = {},
) -> Figure:
    """Plot estimates against x: a line with intervals for each series, and horizontal reference
    lines by name.

    `logarithmic` applies to the x axis. `published`: marks without intervals, {x: y} by name.
    """
    by_x = {name: dict(zip(x, points)) for name, points in series.items()}
    return uneven_curves(title, x_label, y_label, by_x, reference, logarithmic, published)


def uneven_curves(
    title: str,
    x_label: str,
    y_label: str,
    series: Mapping[str, Mapping[float, Estimate]],
    reference: Mapping[str, float] = {},
    logarithmic: bool = False,
    published: Mapping[str, Mapping[float, float]] = {},
) -> Figure:
    """Plot estimates {x: estimate} of each series, which may have different x, as `curves` does."""
    figure, axes = _axes()
    if logarithmic:
        axes.set_xscale("log")
    for i, (name, points) in enumerate(series.items()):
        values = [p.value for p in points.values()]
        errors = [
            [p.value - p.low for p in points.values()],
            [p.high - p.value for p in points.values()],
        ]
        axes.errorbar(
            list(points),
            values,
            errors,
            label=name,
            color=COLOURS[i % 6],
            marker=MARKERS[i % 6],
            linestyle=LINES[i % 4],
            capsize=3,
        )
    for i, (name, value) in enumerate(reference.items()):
        axes.axhline(value, color="#555", linestyle=LINES[(i + 2) % 4], linewidth=1, label=name)
    published_text = _draw_published(axes, published)
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    ticks = sorted({at for points in series.values() for at in points})
    axes.set_xticks(ticks, [f"{at:,g}" for at in ticks])
    axes.minorticks_off()
    ends = [
        (name, at := max(points), points[at].value, COLOURS[i % 6])
        for i, (name, points) in enumerate(series.items())
    ]
    right = axes.get_xlim()[1]
    ends += [(name, right, value, "#555") for name, value in reference.items()]
    _key(axes, ends, len(series), len(published))
    parts = [
        f"{name} " + ", ".join(f"{p.value:.2f} at {at:g}" for at, p in points.items())
        for name, points in series.items()
    ]
    parts += [f"{name} at {value:.2f}" for name, value in reference.items()] + published_text
    return Figure(figure, _describe(f"{title}, {y_label} against {x_label}", parts))


def bars(
    title: str,
    y_label: str,
    values: Mapping[str, Estimate],
    reference: Mapping[str, float] = {},
    published: Mapping[str, Mapping[str, float]] = {},
) -> Figure:
    """Plot one bar with its interval for each name.

    `published`: marks without intervals, {name of a bar: y} by name. Names without a bar come last.
    """
    return grouped_bars(title, y_label, {"": values}, reference, published)


def grouped_bars(
    title: str,
    y_label: str,
    series: Mapping[str, Mapping[str, Estimate]],
    reference: Mapping[str, float] = {},
    published: Mapping[str, Mapping[str, float]] = {},
) -> Figure:
    """Plot a bar of every series for each name, with intervals."""
    measured = list(next(iter(series.values())))
    names = measured + [
        name
        for name in dict.fromkeys(name for points in published.values() for name in points)
        if name not in measured
    ]
    figure, axes = _axes(max(6.4, 1.1 * len(names)))
    width = 0.7 / len(series)
    for i, (label, values) in enumerate(series.items()):
        points = [values[name] for name in measured]
        errors = [[p.value - p.low for p in points], [p.high - p.value for p in points]]
        places = [at + (i - (len(series) - 1) / 2) * width for at in range(len(measured))]
        axes.bar(
            places,
            [p.value for p in points],
            yerr=errors,
            color=COLOURS[i % 6],
            hatch=HATCHES[i % 6],
            width=width,
            capsize=3,
            label=label,
        )
    for name, value in reference.items():
        axes.axhline(value, color="#555", linestyle="--", linewidth=1, label=name)
    published_text = _draw_published(axes, published, {name: at for at, name in enumerate(names)})
    axes.set(title=title, ylabel=y_label)
    slanted = (
        {"rotation": 20, "horizontalalignment": "right", "rotation_mode": "anchor"}
        if max(map(len, names)) > 12
        else {}
    )
    axes.set_xticks(range(len(names)), names, **slanted)
    if reference or published or len(series) > 1:
        _legend_outside(axes)
    parts = [
        f"{label} {name} {p.value:.2f} (95% interval {p.low:.2f} to {p.high:.2f})".strip()
        for label, values in series.items()
        for name, p in values.items()
    ]
    return Figure(
        figure,
        _describe(
            f"{title}, {y_label}",
            parts
            + [f"{name} at {value:.2f}" for name, value in reference.items()]
            + published_text,
        ),
    )


def _short(x: float) -> str:
    """Format a position on an axis: sizes with all digits, small numbers with the digits that they
    have.
    """
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.4g}"


def lines(
    title: str,
    x_label: str,
    y_label: str,
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    points: Mapping[str, tuple[float, float]] = {},
    logarithmic: bool = False,
) -> Figure:
    """Plot a line of (x, y) for each series, and single points by name; `logarithmic` applies to
    both axes.
    """
    figure, axes = _axes()
    if logarithmic:
        axes.set(xscale="log", yscale="log")
    for i, (name, (x, y)) in enumerate(series.items()):
        axes.plot(x, y, label=name, color=COLOURS[i % 6], linestyle=LINES[i % 4])
    for i, (name, (at, value)) in enumerate(points.items(), len(series)):
        axes.plot(
            [at], [value], label=name, color=COLOURS[i % 6], marker=MARKERS[i % 6], linestyle="none"
        )
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    ends = []
    for i, (name, (x, y)) in enumerate(series.items()):
        last = int(np.argmax(x))
        ends.append((name, x[last], y[last], COLOURS[i % 6]))
    for i, (name, (at, value)) in enumerate(points.items(), len(series)):
        ends.append((name, at, value, COLOURS[i % 6]))
    _key(axes, ends, len(ends), 0)
    parts = [
        f"{name} from {_short(y[0])} at {_short(x[0])} to {_short(y[-1])} at {_short(x[-1])}"
        for name, (x, y) in series.items()
    ]
    parts += [f"{name} at {_short(x)}, {_short(y)}" for name, (x, y) in points.items()]
    return Figure(figure, _describe(f"{title}, {y_label} against {x_label}", parts))


def stacked(title: str, y_label: str, columns: Mapping[str, Mapping[str, float]]) -> Figure:
    """Plot a column for each name, stacked from its parts; all columns have the same parts."""
    figure, axes = _axes()
    names = list(columns)
    bottom = [0.0] * len(columns)
    for i, part in enumerate(next(iter(columns.values()))):
        heights = [columns[name][part] for name in names]
        axes.bar(
            names,
            heights,
            bottom=bottom,
            label=part,
            color=COLOURS[i % 6],
            hatch=HATCHES[i % 6],
            edgecolor="white",
        )
        bottom = [low + height for low, height in zip(bottom, heights)]
    axes.set(title=title, ylabel=y_label)
    _legend_outside(axes)
    whole = all(float(size).is_integer() for parts in columns.values() for size in parts.values())
    if whole:  # counts
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    digits = 0 if whole else 1
    parts = [
        f"{name} {total:.{digits}f}"
        f" ({', '.join(f'{part} {size:.{digits}f}' for part, size in columns[name].items())})"
        for name, total in zip(names, bottom)
    ]
    return Figure(figure, _describe(f"{title}, {y_label}", parts))


def histogram(
    title: str,
    x_label: str,
    samples: Mapping[str, Sequence[float]],
    reference: Mapping[str, float] = {},
) -> Figure:
    """Plot a histogram of each sample as overlapping steps over the same bins, with vertical
    reference lines by name.
    """
    figure, axes = _axes()
    bins = np.histogram_bin_edges(
        [*(x for values in samples.values() for x in values), *reference.values()], bins=24
    )
    for i, (name, values) in enumerate(samples.items()):
        axes.hist(
            values,
            bins=bins,
            label=name,
            color=COLOURS[i % 6],
            hatch=HATCHES[i % 6],
            alpha=0.6,
            edgecolor=COLOURS[i % 6],
        )
    for i, (name, value) in enumerate(reference.items()):
        axes.axvline(value, color="#555", linestyle=LINES[(i + 1) % 4], linewidth=1, label=name)
    axes.set(title=title, xlabel=x_label, ylabel="count")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    parts = [
        f"{name}, n = {len(values)}, from {min(values):.2f} to {max(values):.2f}, half of them"
        f" below {sorted(values)[len(values) // 2]:.2f}"
        for name, values in samples.items()
    ]
    return Figure(
        figure,
        _describe(
            f"{title}, counts of {x_label}",
            parts + [f"{name} at {value:.2f}" for name, value in reference.items()],
        ),
    )


def scatter(
    title: str,
    x_label: str,
    y_label: str,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
) -> Figure:
    """Plot named points in a plane, each name next to its point or joined to it by a line."""
    figure, axes = _axes(8.0, 4.6)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    axes.scatter(xs, ys, color=COLOURS[0])
    axes.margins(0.12, 0.12)  # room for names at the edges
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    figure.set_dpi(PNG_DPI)  # the width of a text depends on it, a little
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the plane keeps the size for which names are placed
    place_names(
        axes,
        xs,
        ys,
        list(names),
        x_scatter=xs,
        y_scatter=ys,
        textsize=8,
        margin=0.012,
        max_distance=0.35,
        nbr_candidates=400,
        linecolor="0.6",
        linewidth=0.6,
        draw_all=True,
    )
    parts = [f"{name} ({x:.2f}, {y:.2f})" for name, x, y in zip(names, xs, ys)]
    return Figure(figure, _describe(f"{title}, {y_label} against {x_label}", parts))


def clouds(
    title: str, x_label: str, y_label: str, groups: Mapping[str, Sequence[tuple[float, float]]]
) -> Figure:
    """Plot points in a plane, with a colour and a mark for each group; the text alternative has
    their centres and spreads.
    """
    figure, axes = _axes(6.4, 4.2)
    for i, (name, points) in enumerate(groups.items()):
        axes.scatter(
            [x for x, _ in points],
            [y for _, y in points],
            label=name,
            color=COLOURS[i % 6],
            marker=MARKERS[i % 6],
            alpha=0.7,
        )
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.legend(frameon=False)
    parts = [
        f"{len(points)} of {name} around ({mean(x for x, _ in points):.2f},"
        f" {mean(y for _, y in points):.2f}), spread {pstdev(x for x, _ in points):.2f} and"
        f" {pstdev(y for _, y in points):.2f}"
        for name, points in groups.items()
    ]
    return Figure(figure, _describe(f"{title}, {y_label} against {x_label}", parts))


def history(
    title: str, y_label: str, points: Mapping[int, Estimate], lost: Collection[int] = ()
) -> Figure:
    """Plot estimates by run number with their intervals; the runs in `lost` have a cross and the
    word.
    """
    figure, axes = _axes()
    x = list(points)
    values = [p.value for p in points.values()]
    errors = [
        [p.value - p.low for p in points.values()],
        [p.high - p.value for p in points.values()],
    ]
    axes.errorbar(x, values, errors, color=COLOURS[0], marker="o", capsize=3)
    for run in lost:
        axes.plot(
            run, points[run].value, color=COLOURS[1], marker="x", markersize=14, markeredgewidth=2.5
        )
        axes.annotate("lost", (run, points[run].value), xytext=(9, 4), textcoords="offset points")
    axes.set(title=title, xlabel="run", ylabel=y_label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    parts = [
        f"run {run} {p.value:.2f} (95% interval {p.low:.2f} to"
        f" {p.high:.2f}){', lost' if run in lost else ''}"
        for run, p in points.items()
    ]
    return Figure(figure, _describe(f"{title}, {y_label} by run", parts))
