"""The one error that users see: a sentence with the problem and its fix."""


class AdaptLabError(Exception):
    """Bad input, or a missing part of the machine. The message is for the user."""
