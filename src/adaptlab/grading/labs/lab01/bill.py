"""Lab 01, bill: what is right, and what wrong answers believe."""

from itertools import takewhile

from adaptlab.grading.exercise import Exercise, wrong


def shared(prompt: list, other: list) -> int:
    """Tokens that two prompts have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(prompt, other)))


def whole_blocks(tokens: int, block: int) -> int:
    return tokens // block * block


def most_shared(prompt: list, earlier: list, block: int) -> int:
    """Tokens of a prompt that come from the cache."""
    return whole_blocks(
        min(max((shared(prompt, other) for other in earlier), default=0), len(prompt) - 1), block
    )


def charged(
    requests: list,
    block: int,
    prices: dict,
    cached_of=most_shared,
    replies: int = 1,
    paid: float = 1,
    read_all: bool = False,
) -> float:
    """The bill by `cached_of(prompt, earlier, block)`; how often replies and cached tokens are
    paid, and whether the latter are paid as read, too.
    """
    total = 0.0
    for i, request in enumerate(requests):
        prompt = request["prompt"]
        cached = cached_of(prompt, [other["prompt"] for other in requests[:i]], block)
        read = len(prompt) - (0 if read_all else cached)
        total += (
            paid * cached * prices["cached"]
            + read * prices["read"]
            + replies * request["reply"] * prices["written"]
        )
    return total / 1000


class bill(Exercise):
    """What a series of requests costs with a cache of prefixes in whole blocks."""

    @staticmethod
    def draw(rng):
        prompts = [rng.integers(0, 5, size=rng.integers(1, 30)).tolist()]
        for _ in range(rng.integers(3, 7)):
            old = prompts[rng.integers(len(prompts))]
            prompts.append(
                old[: rng.integers(0, len(old) + 1)]
                + rng.integers(0, 5, size=rng.integers(1, 12)).tolist()
            )
        prompts += [prompts[rng.integers(len(prompts))], prompts[rng.integers(len(prompts))]]
        requests = [{"prompt": prompt, "reply": int(rng.integers(0, 9))} for prompt in prompts]
        prices = {
            "read": float(rng.choice([2, 3])),
            "cached": float(rng.choice([0.2, 0.5])),
            "written": float(rng.choice([8, 12])),
        }
        return requests, int(rng.integers(3, 7)), prices

    @staticmethod
    def edges():
        prices = {"read": 3.0, "cached": 0.5, "written": 8.0}
        eight = [1, 2, 3, 4, 5, 6, 7, 8]
        return [
            ([], 4, prices),
            ([{"prompt": [7, 8, 9], "reply": 0}], 1, prices),
            ([{"prompt": [7], "reply": 5}, {"prompt": [7], "reply": 2}], 1, prices),
            ([{"prompt": eight, "reply": 1}, {"prompt": eight, "reply": 0}], 4, prices),
            (
                [
                    {"prompt": eight, "reply": 1},
                    {"prompt": [0, *eight], "reply": 0},
                    {"prompt": [*eight, 9], "reply": 3},
                ],
                3,
                prices,
            ),
            (
                [{"prompt": eight, "reply": 1}, {"prompt": [*eight[:6], 0, 0], "reply": 1}],
                4,
                prices,
            ),
        ]

    @staticmethod
    def right(requests, block, prices):
        return charged(requests, block, prices)

    @staticmethod
    @wrong(
        "You compare a prompt with the one right before it. The cache holds all earlier ones, and"
        " the best of them counts."
    )
    def with_the_last(requests, block, prices):
        return charged(
            requests,
            block,
            prices,
            lambda prompt, earlier, block: most_shared(prompt, earlier[-1:], block),
        )

    @staticmethod
    @wrong(
        "You compare every prompt with the first one. Each earlier prompt is in the cache, and the"
        " best of them counts."
    )
    def with_the_first(requests, block, prices):
        return charged(
            requests,
            block,
            prices,
            lambda prompt, earlier, block: most_shared(prompt, earlier[:1], block),
        )

    @staticmethod
    @wrong(
        "You do not round down to whole blocks: a block that is only partly the same is read again,"
        " as a whole."
    )
    def unrounded(requests, block, prices):
        return charged(
            requests, block, prices, lambda prompt, earlier, block: most_shared(prompt, earlier, 1)
        )

    @staticmethod
    @wrong(
        "You round up to whole blocks. The last of them differs from what is kept, so it is of no"
        " use."
    )
    def rounded_up(requests, block, prices):
        def cached_of(prompt, earlier, block):
            return min(-(-most_shared(prompt, earlier, 1) // block) * block, len(prompt))

        return charged(requests, block, prices, cached_of)

    @staticmethod
    @wrong(
        "A prompt that came before as a whole is free of reading in your bill. Its last token is"
        " always read: the reply's first token is made from it."
    )
    def last_token_cached(requests, block, prices):
        return charged(
            requests,
            block,
            prices,
            lambda prompt, earlier, block: most_shared(
                [*prompt, -1], [[*other, -2] for other in earlier], block
            ),
        )

    @staticmethod
    @wrong(
        "You take the last token off after rounding. What is left is no whole number of blocks any"
        " more: first the token, then the blocks."
    )
    def token_after_blocks(requests, block, prices):
        def cached_of(prompt, earlier, block):
            return min(
                most_shared([*prompt, -1], [[*other, -2] for other in earlier], block),
                len(prompt) - 1,
            )

        return charged(requests, block, prices, cached_of)

    @staticmethod
    @wrong(
        "Cached tokens cost nothing in your bill. They are cheap, but they have a price of their"
        " own."
    )
    def cached_free(requests, block, prices):
        return charged(requests, block, prices, paid=0)

    @staticmethod
    @wrong("Cached tokens are paid twice in your bill: once as cached and once as read.")
    def paid_twice(requests, block, prices):
        return charged(requests, block, prices, read_all=True)

    @staticmethod
    @wrong("There is no cache in your bill: every token of every prompt is paid as read.")
    def no_cache(requests, block, prices):
        return charged(requests, block, prices, lambda prompt, earlier, block: 0)

    @staticmethod
    @wrong("The replies are missing from your bill.")
    def no_replies(requests, block, prices):
        return charged(requests, block, prices, replies=0)

    @staticmethod
    @wrong(
        "You count all places at which two prompts have the same token. After the first difference"
        " nothing helps: a token's state depends on all before it."
    )
    def any_place(requests, block, prices):
        def cached_of(prompt, earlier, block):
            same = max((sum(a == b for a, b in zip(prompt, other)) for other in earlier), default=0)
            return whole_blocks(min(same, len(prompt) - 1), block)

        return charged(requests, block, prices, cached_of)
