"""Pictures of the levers and of how the lessons build on each other."""

from adaptlab.course.pictures.sketch import (
    BLACK,
    EXTRA,
    GREY,
    PROMPT,
    SMALL,
    STORE,
    WEIGHTS,
    Sheet,
    chain,
)
from adaptlab.plots import Figure

LEVERS = (
    ("Prompt", PROMPT, "context", "cost in each query:\na longer prompt"),
    ("Retrieve", STORE, "store", "cost of an index once; in each\nquery: search, longer prompt"),
    ("Fine-tune", WEIGHTS, "weights", "cost of labels and training once;\nthen short prompts"),
)
PARTS = (
    ("context", "context", "instructions, examples"),
    ("store", "external store", "documents, index"),
    ("weights", "model weights", "what training stored"),
)


def levers() -> Figure:
    """Draw the levers prompt, retrieve and fine-tune: what each changes, and when it costs."""
    sheet = Sheet(48)
    for i, (name, colour, changed, cost) in enumerate(LEVERS):
        x = 17.5 + 32.5 * i
        sheet.text(x, 45, name, colour, 13, bold=True)
        for row, (part, title, content) in enumerate(PARTS):
            is_changed = part == changed
            sheet.box(
                x,
                37 - 11 * row,
                26,
                8,
                f"{title}\n{content}",
                colour if is_changed else GREY,
                solid=is_changed,
                bold=is_changed,
            )
        sheet.text(x, 5, cost, BLACK, SMALL)
    x = 17.5 + 32.5
    sheet.arrow((x, 30), (x, 33), colour=STORE)
    return sheet.figure(
        "Three columns show the same system, made of a context, an external store and model"
        " weights, and highlight the part that a lever changes.",
        "Prompting changes the context and costs in each query, since prompts become longer.",
        "Retrieval changes the store and copies found text into the context. It costs an index"
        " once, and a search and a longer prompt in each query.",
        "Fine-tuning changes the weights. It costs labels and training once, and prompts stay"
        " short.",
    )


def course_map() -> Figure:
    """Draw the lessons as a map: which lesson builds on which."""
    sheet = Sheet(55)

    def lesson(x: float, y: float, number: str, title: str, colour: str, width: float = 14):
        return sheet.box(x, y, width, 9.5, f"{number}\n{title}", colour, size=9.5)

    start = lesson(8, 40, "00", "Start here", GREY, 13)
    context = [
        lesson(30, 48, "01", "Prompts", PROMPT),
        lesson(48.5, 48, "02", "Retrieval", STORE),
        lesson(67, 48, "03", "Better\nretrieval", STORE),
    ]
    weights = [
        lesson(22.5, 32, "04", "LoRA", WEIGHTS, 11),
        lesson(38, 32, "05", "Fine-tuning", WEIGHTS),
        lesson(55.5, 32, "06", "Preferences", WEIGHTS, 15),
        lesson(73, 32, "07", "Forgetting", WEIGHTS),
    ]
    which = lesson(91.5, 40, "09", "Which lever?", EXTRA, 15)
    after = [
        lesson(36, 17, "12", "Rewards", GREY, 15),
        lesson(59, 17, "11", "More levers", GREY, 15),
        lesson(82, 17, "10", "Serving\nand agents", GREY, 15),
    ]
    chain(sheet, context)
    chain(sheet, weights)
    sheet.arrow(start.top, (8, 48), context[0].left, colour=PROMPT)
    sheet.arrow(start.bottom, (8, 32), weights[0].left, colour=WEIGHTS)
    sheet.arrow(context[-1].right, (91.5, 48), which.top, colour=STORE)
    sheet.arrow(weights[-1].right, (91.5, 32), which.bottom, colour=WEIGHTS)
    for box in after:
        sheet.arrow((97, 35.25), (97, 25), (box.x, 25), box.top)
    sheet.box(
        50,
        5,
        96,
        7,
        "08  Evaluation: scores, intervals and paired tests in every lesson",
        "#8a6d00",
        size=10.5,
        bold=True,
    )
    return sheet.figure(
        "A map of the lessons. From lesson 00, one path leads through prompts (01), retrieval (02)"
        " and better retrieval (03).",
        "The other path leads through LoRA (04), fine-tuning (05), preferences (06) and forgetting"
        " (07).",
        "Both paths meet in lesson 09, which lever, and lead to serving and agents (10), more"
        " levers (11) and rewards (12).",
        "Evaluation (08) is a bar under all lessons.",
    )


def stack() -> Figure:
    """Draw a system that combines a system prompt, retrieval and a fine-tuned small model."""
    sheet = Sheet(42)
    rules = sheet.box(17, 36, 26, 8, "system prompt\nrules, output format", PROMPT)
    asked = sheet.box(17, 22, 26, 8, "user question", GREY)
    found = sheet.box(17, 8, 26, 8, "retrieved chunks\nfrom the documents", STORE)
    context = sheet.box(47, 22, 16, 14, "context", GREY)
    model = sheet.box(69, 22, 18, 14, "fine-tuned\nsmall model", WEIGHTS, solid=True, bold=True)
    answer = sheet.box(91.5, 22, 15, 14, "answer\nwith\ncitations", GREY)
    sheet.arrow(rules.right, (47, 36), context.top, colour=PROMPT)
    sheet.arrow(found.right, (47, 8), context.bottom, colour=STORE)
    sheet.arrow(asked.bottom, found.top, colour=STORE)
    chain(sheet, [asked, context, model, answer])
    sheet.text(50, 38, "system prompt: what you change each week", PROMPT, SMALL, across="left")
    sheet.text(50, 6, "retrieval: facts that change", STORE, SMALL, across="left")
    sheet.text(69, 11.5, "weights: skills and\nstyle that stay", WEIGHTS, SMALL)
    return sheet.figure(
        "A system prompt with rules, the user's question and retrieved chunks form the context of"
        " a fine-tuned small model, which answers with citations.",
        "The system prompt holds what is changed each week, retrieval holds facts that change, and"
        " the weights hold skills and style that stay.",
    )
