"""The sandbox: where the code of a submission runs, by level, and how it is tried out."""
