"""KTO: pairs taken apart raise what is good above what is bad, in as many steps as DPO takes, and
leave the start as it was.
"""

import random

from adaptlab.tune.dpo import prefer
from adaptlab.tune.kto import approve
from adaptlab.tune.options import PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.world.preferences import preference


def test_good_replies_rise_above_bad_ones(chat):
    items = [preference(random.Random(i)) for i in range(8)]
    pairs = [Pair(list(item.case.messages), item.chosen, item.rejected) for item in items]
    options = PreferenceOptions(batch_size=4, epochs=3)

    def margin(model) -> float:
        return sum(
            sum(model.log_probabilities(pair.prompt, pair.chosen))
            - sum(model.log_probabilities(pair.prompt, pair.rejected))
            for pair in pairs
        )

    before = margin(chat)
    tuned, log = approve(chat, pairs, options)
    assert margin(tuned) > before + 1 and margin(chat) == before
    assert log[-1]["step"] == prefer(chat, pairs, options)[1][-1]["step"]
