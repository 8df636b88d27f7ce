"""Read the description of a run, config.json in its folder."""

from pathlib import Path

from adaptlab.files import read_json, reading

RESULTS = {"lora": "adapter", "full": "model"}  # folders of a finished run, by its method
FAILED = "failed.json"  # what a run that diverged leaves: its description with error and log


def read_described(folder: Path) -> dict:
    """Read the config.json of a run.

    Raises:
        AdaptLabError: if the file does not describe a run.
    """
    path = folder / "config.json"
    described = read_json(path)
    with reading(path, "Give the folder of a run that `adaptlab tune` made, or a new one."):
        named = [described["base"][key] for key in ("name", "fingerprint")]
        named += [RESULTS[described["options"]["method"]], described["data"]["hash"]]
        if not all(isinstance(name, str) for name in named):
            raise TypeError("names are texts")
    return described
