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
        typer.Option(
            help="The measured task that is most similar to yours; an unknown name lists all tasks."
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="The model of the measurements: embedded:chat, or a genuine model that the bank"
            " of decisions was measured on."
        ),
    ] = "embedded:chat",
    queries: Annotated[float, typer.Option(min=0, help="Queries a day.")] = 1000,
    updates: Annotated[float, typer.Option(min=0, help="Changes of facts a month.")] = 0,
    examples: Annotated[
        int,
        typer.Option(min=0, help="Number of training examples: requests with the wanted reply."),
    ] = 1000,
    least: Annotated[
        float, typer.Option(min=0, max=1, help="Accuracy that you require, from 0 to 1.")
    ] = 0.8,
    budget: Annotated[float, typer.Option(min=0, help="Money a month.")] = 100,
    prompt_price: Annotated[
        float, typer.Option(min=0, help="Money for a million prompt tokens.")
    ] = PRICES.prompt,
    reply_price: Annotated[
        float, typer.Option(min=0, help="Money for a million reply tokens.")
    ] = PRICES.completion,
    training_price: Annotated[
        float, typer.Option(min=0, help="Money for a million training tokens.")
    ] = PRICES.training,
    tuned_factor: Annotated[
        float,
        typer.Option(
            min=0, help="Price factor of a query to a fine-tuned model, relative to its base."
        ),
    ] = PRICES.tuned,
    hosting: Annotated[
        float, typer.Option(min=0, help="Money a month for hosting your own model.")
    ] = PRICES.hosting,
    searching: Annotated[
        float, typer.Option(min=0, help="Money a month for a search index.")
    ] = PRICES.searching,
    page: Annotated[
        Path | None,
        typer.Option(help="Also write the answer with its cost curves to this HTML file."),
    ] = None,
) -> None:
    """Recommend a lever for your case from the course's measurements, and show what would change
    the answer.
    """
    from adaptlab.course.decision_page import decision_page
    from adaptlab.course.decisions import baselines, matrix_of
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
        raise AdaptLabError(
            "A number of queries, updates, money or a price is not finite. Give finite numbers."
        )
    prices = Prices(prompt_price, reply_price, training_price, tuned_factor, hosting, searching)
    condition = Condition("yours", queries, updates, examples, least, budget)
    measured, described = matrix_of(model)
    advice = advise(like, condition, measured, described, prices, baselines())
    print(as_text(advice))
    if page:
        write_whole(page, decision_page(advice, prices, model))
        print(f"\npage: {page}")
