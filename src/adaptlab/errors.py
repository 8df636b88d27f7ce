"""The one error that users see: a sentence that says what is wrong and what to do."""


class AdaptLabError(Exception):
    """Bad input or a missing part of the machine; the message is meant for the person at the
    keyboard.
    """
