"""Lab 02, sentence_spans: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong

# Offsets in bytes are other numbers than offsets in characters, and a mark within a word ends
# nothing.
TEXT_WORDS = (
    "lamp",
    "Müller",
    "naïve",
    "3.50",
    "v2.0",
    "größer",
    "日本",
    "don't",
    "it",
    "e.g",
    "27",
)


def sentences(
    text: str, marks: str = ".!?", inside: bool = False, rest: bool = True
) -> list[tuple[int, int]]:
    """The places of sentences; what the misconceptions change are the marks, whether one inside a
    word counts, and what becomes of a rest.
    """
    spans = []
    start = None
    for i, character in enumerate(text):
        if start is None and not character.isspace():
            start = i
        if (
            start is not None
            and character in marks
            and (inside or i + 1 == len(text) or text[i + 1].isspace())
        ):
            spans.append((start, i + 1))
            start = None
    return [*spans, (start, len(text.rstrip()))] if rest and start is not None else spans


class sentence_spans(Exercise):
    """The places of sentences: from what is no whitespace to a mark that whitespace or the end
    follows.
    """

    @staticmethod
    def draw(rng):
        made = []
        for _ in range(rng.integers(2, 6)):
            words = rng.choice(TEXT_WORDS, size=rng.integers(1, 5))
            made.append(
                str(rng.choice([" ", "  "])).join(words)
                + str(rng.choice([".", ".", "!", "?", "?!", "...", ""]))
            )
        if rng.random() < 0.5:
            made.append(made[0])
        text = "".join(
            sentence + str(rng.choice([" ", "  ", "\n", "\n\n", "\t"])) for sentence in made
        )
        text = text.rstrip() if rng.random() < 0.5 else text
        return (str(rng.choice(["", "", " ", "\n  "])) + text,)

    @staticmethod
    def edges():
        texts = (
            "It costs 3.50 euros. Really?! Yes",
            "",
            " \n ",
            "One",
            "One.",
            " One. One.  One. ",
            "Größe 3! Ja.\n\nÜber",
            "Wait . . . what",
            "1. Ask.\n2. Go",
        )
        return [(text,) for text in texts]

    @staticmethod
    def right(text):
        return sentences(text)

    @staticmethod
    @wrong(
        "You give (start, length). The second number is where the sentence ends, so that"
        " text[start:end] cuts it out."
    )
    def lengths(text):
        return [(start, end - start) for start, end in sentences(text)]

    @staticmethod
    @wrong(
        "Your sentences lose the mark that ends them: the end of a span is the place behind the"
        " last character."
    )
    def before_the_mark(text):
        return [
            (start, end - 1 if text[end - 1] in ".!?" else end) for start, end in sentences(text)
        ]

    @staticmethod
    @wrong(
        "You cut at every mark. A mark inside a word or a number, or before another mark, ends"
        " nothing: only one that whitespace or the end follows."
    )
    def inside_words(text):
        return sentences(text, inside=True)

    @staticmethod
    @wrong("You cut at full stops alone. Questions and calls are sentences, too.")
    def stops_alone(text):
        return sentences(text, marks=".")

    @staticmethod
    @wrong("The end of the text is lost where no mark ends it. What is left is a sentence, too.")
    def rest_lost(text):
        return sentences(text, rest=False)

    @staticmethod
    @wrong(
        "Your places are those of a cleaned text, with single spaces. They have to be places in the"
        " text that came in, whatever stands between its words."
    )
    def cleaned(text):
        return sentences(" ".join(text.split()))

    @staticmethod
    @wrong(
        "Your sentences begin with the whitespace before them. It belongs to no sentence: skip it"
        " before a sentence begins."
    )
    def with_whitespace(text):
        spans = sentences(text)
        return [(before, end) for before, (_, end) in zip([0, *(end for _, end in spans)], spans)]

    @staticmethod
    @wrong(
        "You look the sentence up in the text by its words, and a sentence that occurs twice gets"
        " the first one's place both times."
    )
    def looked_up(text):
        return [(text.index(text[a:b]), text.index(text[a:b]) + b - a) for a, b in sentences(text)]

    @staticmethod
    @wrong(
        "Your places count bytes. A str counts characters, and an ü is one of them though it takes"
        " two bytes."
    )
    def in_bytes(text):
        return [tuple(len(text[:place].encode()) for place in span) for span in sentences(text)]
