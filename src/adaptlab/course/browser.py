"""The student in front of the notebook: whether there is one, and how widgets are shown."""

import os
from typing import Any

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def is_attended() -> bool:
    """Whether a user can click: False while the runner or nbval executes a notebook, as their
    environment variables say.
    """
    return "ADAPTLAB_UNATTENDED" not in os.environ and "PYTEST_CURRENT_TEST" not in os.environ


def mimebundle(widget: Any) -> dict[str, Any]:
    """Return what shows a widget, to be displayed with a text for front ends without widgets."""
    if hasattr(widget, "_repr_mimebundle_"):
        return widget._repr_mimebundle_()
    # ipywidgets 7, which Colab has, displays a widget at once and has no such method.
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {WIDGET_VIEW: view}
