"""Sliders for a figure, with a fallback where no widget can be shown."""

from collections.abc import Callable, Sequence

from adaptlab.course import browser
from adaptlab.errors import AdaptLabError
from adaptlab.plots import Figure


def slide(draw: Callable[..., Figure], **values: Sequence) -> Figure | None:
    """Show a figure with a slider for each argument of `draw`; make it the last line of a cell.

    `values` are the positions of each slider; it starts in the middle. Where nobody can move a
    slider (on GitHub, on the site), the figure of the middle positions is returned.

    Raises:
        AdaptLabError: if a slider has no positions.
    """
    for name, positions in values.items():
        if not positions:
            raise AdaptLabError(f"The slider {name} has no positions. Give at least one value.")
    middle = {name: positions[len(positions) // 2] for name, positions in values.items()}
    if not browser.is_attended():
        return draw(**middle)
    import ipywidgets
    from IPython.display import display

    sliders = {}
    for name, positions in values.items():
        sliders[name] = ipywidgets.SelectionSlider(
            options=list(positions),
            value=middle[name],
            description=name.replace("_", " "),
            continuous_update=False,
        )
    output = ipywidgets.interactive_output(lambda **at: display(draw(**at)), sliders)
    display(ipywidgets.VBox([*sliders.values(), output]))
    return None
