"""Lab 09, reward: the reference answer and the known misconceptions."""

import re
from collections.abc import Callable, Sequence

from adaptlab.grading.exercise import Exercise, wrong

MINUS = "\u2212"
NUMBER = re.compile(rf"[-{MINUS}]?[0-9]+(?:[.,][0-9]+)*")
ARABIC = str.maketrans("0123456789", "".join(chr(0x0660 + digit) for digit in range(10)))


def numbers(reply: str) -> list[str]:
    return NUMBER.findall(reply)


def total(fields) -> str:
    return str(fields["a"] + fields["b"])


def is_correct(found: Sequence[str], fields, alone: bool = True) -> float:
    """Return the reward of the numbers in a reply. `alone`: whether other numbers are refused."""
    gold = total(fields)
    allowed = {str(fields["a"]), str(fields["b"]), gold}
    if not found or found[-1] != gold:
        return 0.0
    return float(not alone or set(found) <= allowed)


def replies_to(a: int, b: int, digit: int) -> list[str]:
    """Return replies to "What is a + b?", correct ones and all kinds of wrong ones."""
    gold = a + b
    return [
        f"{gold}",
        f"Answer: {gold}",
        f" {gold}.\n",
        f"{a} + {b} = {gold}.",
        f"{a}+{b}={gold}",
        f"The answer is {gold}, because {a} and {b} make {gold}.",
        f"What is {a} + {b}? It is {gold}",
        f"{gold}{digit}",
        f"{digit}{gold}",
        f"{gold}.{digit}",
        f"{a}.{gold}",
        f"{b},{gold}",
        f"{gold},000",
        f"{gold}.0",
        f"0{gold}",
        f"-{gold}",
        f"{a} + {b} = {MINUS}{gold}",
        str(gold).translate(ARABIC),
        "",
        "I do not know.",
        f"What is {a} + {b}?",
        f"{gold}? What is {a} + {b}?",
        " ".join(str(number) for number in range(gold - 2, gold + 1)),
        ", ".join(str(number) for number in range(gold - 1, gold + 2)),
        f"{gold}, no, {gold + 1}.",
        f"{gold + 1}, no, {gold}.",
        f"{gold + digit}",
    ]


class reward(Exercise):
    """1.0 if the last number of a reply is the sum and no foreign number is in it, else 0.0."""

    n_draws = 60

    @staticmethod
    def draw(rng):
        a, b = (int(number) for number in rng.integers(3, 99, size=2))
        written = replies_to(a, b, int(rng.integers(1, 10)))
        return str(rng.choice(written)), {"a": a, "b": b}

    @staticmethod
    def edges():
        fields = {"a": 34, "b": 12}
        return [(reply, fields) for reply in replies_to(34, 12, 5)]

    @staticmethod
    def right(reply, fields):
        return is_correct(numbers(reply), fields)

    @staticmethod
    @wrong(
        "You look for the digits of the sum anywhere: 465 and 146 contain 46. Compare whole"
        " numbers."
    )
    def contains(reply, fields):
        return float(total(fields) in reply)

    @staticmethod
    @wrong(
        "You accept the sum anywhere among the numbers. A reply that lists many numbers then always"
        " gets the reward. The last number counts."
    )
    def any_number(reply, fields):
        return float(total(fields) in numbers(reply))

    @staticmethod
    @wrong(
        "You take the first number. In `34 + 12 = 46` it is a part of the question. The last number"
        " counts."
    )
    def first_number(reply, fields):
        return float(numbers(reply)[:1] == [total(fields)])

    @staticmethod
    @wrong(
        "You look at the last number alone. A reply that counts up to the sum gets the reward. All"
        " other numbers have to be a, b or the sum."
    )
    def lists_numbers(reply, fields):
        return is_correct(numbers(reply), fields, alone=False)

    @staticmethod
    @wrong(
        "You look at the end of the text: 146 ends with 46. Compare the whole last number, and look"
        " at the other numbers, too."
    )
    def ends_with(reply, fields):
        return float(reply.strip().rstrip(".").endswith(total(fields)))

    @staticmethod
    @wrong("You overlook the minus sign: -46 is not 46. The sign is a part of the number.")
    def no_sign(reply, fields):
        return is_correct(re.findall(r"[0-9]+(?:[.,][0-9]+)*", reply), fields)

    @staticmethod
    @wrong(
        f"You know only one minus sign. Models also write the sign {MINUS}, which is another"
        " character."
    )
    def one_minus_sign(reply, fields):
        return is_correct(re.findall(r"-?[0-9]+(?:[.,][0-9]+)*", reply), fields)

    @staticmethod
    @wrong(
        "You split numbers at a point or a comma: in 34.46 you see 34 and 46. Digits after a point"
        " or a comma belong to the same number."
    )
    def splits_decimals(reply, fields):
        return is_correct(re.findall(rf"[-{MINUS}]?[0-9]+", reply), fields)

    @staticmethod
    @wrong(
        "You accept digits of other scripts. \\d and int() read them, too. Only the digits 0 to 9"
        " count."
    )
    def other_digits(reply, fields):
        found = re.findall(rf"[-{MINUS}]?\d+(?:[.,]\d+)*", reply)
        return is_correct([_digits(number) for number in found], fields)

    @staticmethod
    @wrong(
        "You compare values: 46.0 and 046 are equal to 46 then. The contract compares the numbers"
        " as text."
    )
    def by_value(reply, fields):
        return is_correct([_plain(number) for number in numbers(reply)], fields)

    @staticmethod
    @wrong(
        "Only the bare number gets the reward. `34 + 12 = 46.` is correct, too. A reward that is"
        " too strict teaches a form, not the sum."
    )
    def too_strict(reply, fields):
        return float(reply.strip() == total(fields))

    @staticmethod
    @wrong(
        "You refuse every second number. A reply may repeat a, b and the sum before it ends with"
        " the sum."
    )
    def refuses_the_question(reply, fields):
        return float(set(numbers(reply)) == {total(fields)})

    @staticmethod
    @wrong(
        "You accept replies with only allowed numbers, whatever the last number is. `46? What is 34"
        " + 12?` does not end with the sum."
    )
    def any_order(reply, fields):
        found = numbers(reply)
        return max((is_correct([*found, one], fields) for one in found), default=0.0)

    @staticmethod
    @wrong("The result is True or False. Return 1.0 or 0.0: trainers expect a number.")
    def as_bool(reply, fields):
        return bool(reward.right(reply, fields))

    @staticmethod
    @wrong(
        "A wrong reply that contains the sum gets a part of the reward. Then listing numbers pays."
        " Return 0.0."
    )
    def partial_credit(reply, fields):
        return max(reward.right(reply, fields), 0.5 * (total(fields) in numbers(reply)))


def _digits(number: str) -> str:
    """Return a number with the digits 0 to 9 in place of those of other scripts."""
    return "".join(str(int(one)) if one.isdecimal() else one for one in number)


def _plain(number: str) -> str:
    """Return a number as its value is written: 46.0 and 046 as 46."""
    change: Callable[[str], float] = float
    try:
        value = change(number.replace(MINUS, "-"))
    except ValueError:  # 46,000
        return number
    return str(int(value)) if value.is_integer() else str(value)
