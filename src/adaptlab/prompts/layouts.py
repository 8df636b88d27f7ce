"""Twelve layouts of the same few-shot prompt, equal in content, for the question how much layout
matters.
"""

from adaptlab.world.labels import Layout

LAYOUTS: dict[str, Layout] = {
    "Text/Label": Layout("Text: ", "Label: ", "\n", "\n\n"),
    "Review/Bin": Layout("Review: ", "Bin: ", "\n", "\n"),
    "one line": Layout("Input: ", "Output: ", " | ", "\n"),
    "dashes": Layout("Customer - ", "Class - ", "\n", "\n\n"),
    "capitals": Layout("TEXT: ", "LABEL: ", "\n", "\n\n"),
    "lower case": Layout("text: ", "label: ", "\n", "\n\n"),
    "arrow": Layout("", "", " -> ", "\n"),
    "equals": Layout("", "", " = ", "\n"),
    "Q/A": Layout("Q: ", "A: ", "\n", "\n\n"),
    "brackets": Layout("[text] ", "[label] ", "\n", "\n"),
    "no space": Layout("Text:", "Label:", "\n", "\n"),
    "quotes": Layout('Text: "', "Label: ", '"\n', "\n\n"),
}
