"""The separator of the cells in a table that a spreadsheet or a person has written."""


def guess_delimiter(table: str, choices: str = ",;\t") -> str:
    """Return the choice that is most frequent in the line of names; the first if none occurs."""
    names = table.lstrip("\r\n").partition("\n")[0]
    return max(choices, key=names.count)
