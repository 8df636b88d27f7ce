"""Lab 01, best_buy: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong


class best_buy(Exercise):
    """The name of the cheapest offer whose share reaches a target; ties by the share, then by the
    place.
    """

    n_draws = 60

    @staticmethod
    def draw(rng):
        shares = [0.5, 0.8, 0.9, 0.95, 1.0]
        prices = [1.0, 2.5, 2.6, 2.7]
        names = "abcdefg"[: rng.integers(1, 7)]
        offers = [
            {"name": name, "price": float(rng.choice(prices)), "share": float(rng.choice(shares))}
            for name in names
        ]
        return offers, float(rng.choice(shares[1:]))

    @staticmethod
    def edges():
        def offer(name, price, share):
            return {"name": name, "price": price, "share": share}

        cheap = offer("cheap", 1.0, 0.5)
        good = offer("good", 2.0, 0.9)
        best = offer("best", 9.0, 1.0)
        return [
            ([], 0.5),
            ([cheap], 0.5),
            ([cheap], 0.6),
            ([best, good, cheap], 0.9),
            ([cheap, good, best], 0.95),
            ([good, offer("twin", 2.0, 0.9)], 0.8),
            ([good, offer("better", 2.0, 0.95)], 0.8),
            ([offer("thrifty", 2.0, 0.8), offer("per hit", 2.1, 1.0)], 0.8),
            ([best, cheap, good], 0.0),
            ([offer("twin", 2.0, 0.9), good], 0.8),
            ([cheap, offer("b", 3.0, 0.9), offer("a", 3.0, 0.9), offer("c", 3.0, 0.9)], 0.8),
        ]

    @staticmethod
    def pick(offers, key):
        """The name of the least offer by a key, the first of equals; None if there is none."""
        return min(offers, key=key)["name"] if offers else None

    @staticmethod
    def cost(offer):
        return offer["price"], -offer["share"]

    @staticmethod
    def enough(offers, target):
        return [offer for offer in offers if offer["share"] >= target]

    @staticmethod
    def right(offers, target):
        return best_buy.pick(best_buy.enough(offers, target), best_buy.cost)

    @staticmethod
    @wrong("You buy the best. Bought is the cheapest of those that are good enough.")
    def the_best(offers, target):
        return best_buy.pick(
            best_buy.enough(offers, target), lambda offer: (-offer["share"], offer["price"])
        )

    @staticmethod
    @wrong("You buy the cheapest, whether it is good enough or not.")
    def the_cheapest(offers, target):
        return best_buy.pick(offers, best_buy.cost)

    @staticmethod
    @wrong("A share that is exactly the target is good enough.")
    def above_target(offers, target):
        return best_buy.pick([offer for offer in offers if offer["share"] > target], best_buy.cost)

    @staticmethod
    @wrong(
        "Of two offers at the same price you take the first, whatever it is worth. The one with the"
        " greater share is the better buy."
    )
    def price_alone(offers, target):
        return best_buy.pick(best_buy.enough(offers, target), lambda offer: offer["price"])

    @staticmethod
    @wrong(
        "Of two offers that are equal in price and share you take the last. Asked for is the first."
    )
    def last_of_equals(offers, target):
        return best_buy.right(offers[::-1], target)

    @staticmethod
    @wrong(
        "Of two offers that are equal in price and share you take the first of the alphabet. Asked"
        " for is the one that stands first."
    )
    def alphabet(offers, target):
        return best_buy.pick(
            best_buy.enough(offers, target), lambda offer: (*best_buy.cost(offer), offer["name"])
        )

    @staticmethod
    @wrong(
        "You compare prices by right reply. What is good enough is decided by the target; after"
        " that the price alone counts."
    )
    def price_per_hit(offers, target):
        return best_buy.pick(
            best_buy.enough(offers, target), lambda offer: offer["price"] / offer["share"]
        )

    @staticmethod
    @wrong(
        "Where nothing is good enough you buy the best there is. Then there is nothing to buy, and"
        " the answer is None."
    )
    def best_there_is(offers, target):
        found = best_buy.right(offers, target)
        return found if found is not None else best_buy.pick(offers, lambda offer: -offer["share"])
