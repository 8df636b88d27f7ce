"""Whether a student sits in front of the notebook."""

import os


def is_attended() -> bool:
    """Whether a user can click: False while the runner or nbval executes a notebook, as their
    environment variables say.
    """
    return "ADAPTLAB_UNATTENDED" not in os.environ and "PYTEST_CURRENT_TEST" not in os.environ
