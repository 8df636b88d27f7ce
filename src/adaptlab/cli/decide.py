"""The command line for a decision: adaptlab decide."""

import math
from pathlib import Path
from typing import Annotated

import typer

from adaptlab.decide.costs import PRICES, Prices
from adaptlab.errors import AdaptLabError


def decide(
    like: Annotated[
        str,
        typer.Option(help="The measured task that is most like yours; an unknown name lists them."),
    ],
    queries: Annotated[float, typer.Option(min=0, help="Queries a day.")] = 1000,
    updates: Annotated[float, typer.Option(min=0, help="Changes of facts a month.")] = 0,
    examples: Annotated[
        int, typer.Option(min=0, help="Requests with the reply that is wanted.")
    ] = 1000,
    least: Annotated[
        float, typer.Option(min=0, max=1, help="Share of right replies that you ask for.")
    ] = 0.8,
    budget: Annotated[float, typer.Option(min=0, help="Money a month.")] = 100,
    prompt_price: Annotated[
        float, typer.Option(min=0, help="Money for a million prompt tokens.")
    ] = PRICES.prompt,
    reply_price: Annotated[
        float, typer.Option(min=0, help="Money for a million reply tokens.")
    ] = PRICES.completion,
    training_price: Annotated[
        float, typer.Option(min=0, help="Money for a million tokens trained on.")
    ] = PRICES.training,
    tuned_factor: Annotated[
        float, typer.Option(min=0, help="By what a tuned model's query is costlier.")
    ] = PRICES.tuned,
    hosting: Annotated[
        float, typer.Option(min=0, help="Money a month for a model of one's own.")
    ] = PRICES.hosting,
    searching: Annotated[
        float, typer.Option(min=0, help="Money a month for an index.")
    ] = PRICES.searching,
    page: Annotated[
        Path | None,
        typer.Option(help="Write the answer as a page, with its cost curves, to this file."),
    ] = None,
) -> None:
    """Say which lever your case wants, on the measurements of this course, and what would change
    the answer.
    """
    from adaptlab.course.decision_page import decision_page
    from adaptlab.course.decisions import DESCRIBED, matrix
    from adaptlab.decide.advice import advise, as_text
    from adaptlab.decide.task_bank import Condition
    from adaptlab.files import write_whole

    if not all(
        map(
            math.isfinite,
            (
                queries,
                updates,
                budget,
                prompt_price,
                reply_price,
                training_price,
                tuned_factor,
                hosting,
                searching,
            ),
        )
    ):
        raise AdaptLabError("Give numbers of queries, updates, money and prices that are finite.")
    prices = Prices(prompt_price, reply_price, training_price, tuned_factor, hosting, searching)
    condition = Condition("yours", queries, updates, examples, least, budget)
    advice = advise(like, condition, matrix(), DESCRIBED, prices)
    print(as_text(advice))
    if page:
        write_whole(page, decision_page(advice, prices))
        print(f"\npage: {page}")
