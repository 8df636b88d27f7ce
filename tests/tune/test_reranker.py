"""The reranker's recipe."""

import json

from adaptlab.course.reranker_lists import reranker_lists
from adaptlab.tune.reranker import tune_reranker


def test_the_recipe_leaves_an_adapter_that_names_no_place_of_this_machine(tmp_path):
    tune_reranker(tmp_path / "made", reranker_lists(8, 8, ("peft",)))
    assert (
        json.loads((tmp_path / "made" / "adapter_config.json").read_text())[
            "base_model_name_or_path"
        ]
        == "all-MiniLM-L6-v2"
    )
    assert json.loads((tmp_path / "made" / "training.json").read_text())["lists"] == 16
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "training.json",
    ]
