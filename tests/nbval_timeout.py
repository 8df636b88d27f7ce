"""A plugin for nbval, which waits five seconds for what a cell has shown: a machine that is busy or
was halted may need longer after minutes of training.
"""

SECONDS = 120


def pytest_collection_modifyitems(items):
    for item in items:
        item.output_timeout = SECONDS
