"""What the front door shows: the picture and the findings of the README and of the site's first
page, from recorded results.

`python -m adaptlab.course.front_page` writes both into a clone of the course.
"""

import io
import re
from pathlib import Path

from matplotlib.figure import Figure as Canvas

from adaptlab.course.decisions import scoreboard
from adaptlab.course.real_tasks import accuracies
from adaptlab.evals.estimate import Estimate
from adaptlab.files import read_text, write_whole
from adaptlab.plots import COLOURS, Figure
from adaptlab.studies.real_models.recorded import recorded_outcomes
from adaptlab.studies.recorded import recorded
from adaptlab.studies.rows import pooled

PICTURE = "src/adaptlab/course/site/images/levers.png"
BEGIN = "<!-- findings: python -m adaptlab.course.front_page -->"
END = "<!-- end of findings -->"
N_LABELLED = 300
# Name in the record: label in the picture, offset of the label in points, colour.
VARIANTS = {
    "no language model": ("no language model:\nretrieved sentence, template", (8, -24), 4),
    "prompt": ("prompt", (8, 4), 0),
    "retrieval": ("prompt + retrieval", (8, 4), 2),
    "tuned on facts": ("fine-tuned on the facts", (8, 4), 1),
    "tuned on facts, and retrieval": ("fine-tuned on the facts\n+ retrieval", (-8, -26), 1),
    "the stack": ("fine-tuned to read\n+ retrieval", (8, -14), 3),
    "the stack, one chunk": ("fine-tuned to read + 1 retrieved section", (8, 2), 3),
}
METHODS = {
    "embeddings": ("embeddings + logistic regression", 4),
    "TF-IDF": ("word counts + logistic regression", 4),
    "smollm2, LoRA": ("SmolLM2 fine-tuned (LoRA)", 1),
    "smollm2, retrieved examples": ("SmolLM2, 8 retrieved examples", 2),
    "smollm2, few-shot": ("SmolLM2, 8 fixed examples", 0),
    "smollm2, zero-shot": ("SmolLM2, no example", 0),
}


def _assistants() -> dict[str, tuple[float, Estimate]]:
    """Return dollars a month and the share of correct values, by the names of VARIANTS."""
    rows = {row["arm"]: row for row in scoreboard()}
    return {
        name: (float(rows[name]["money a month at 1,000 a day"]), rows[name]["right"])
        for name in VARIANTS
    }


def _bank_intents() -> dict[str, Estimate]:
    """Return the accuracy with N_LABELLED examples, or with as many as the method uses."""
    found = {}
    for name, by_n in accuracies("banking77").items():
        n = max((n for n in by_n if n <= N_LABELLED), default=None)
        if name in METHODS and n is not None:
            found[name] = by_n[n]
    return {name: found[name] for name in METHODS if name in found}


def picture() -> Figure:
    """Draw quality against cost in the invented shop, and quality by lever on a real task."""
    figure = Canvas(figsize=(11, 4.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    parts = []
    for name, (dollars, accuracy) in _assistants().items():
        label, offset, colour = VARIANTS[name]
        error = [[accuracy.value - accuracy.low], [accuracy.high - accuracy.value]]
        style = {"color": COLOURS[colour], "marker": "o", "capsize": 3, "linestyle": ""}
        left.errorbar([dollars], [accuracy.value], yerr=error, **style)
        left.annotate(
            label,
            (dollars, accuracy.value),
            textcoords="offset points",
            xytext=offset,
            horizontalalignment="left" if offset[0] > 0 else "right",
            fontsize=9,
        )
        parts.append(f"{label.replace(chr(10), ' ')} {accuracy.value:.2f} for ${dollars:.2f}")
    left.set(
        title="Invented shop: questions on a handbook",
        xlabel="dollars a month at 1,000 queries a day",
        ylabel="accuracy",
        ylim=(-0.03, 1.03),
        xlim=(-0.5, 12.5),
    )
    intents = _bank_intents()
    for place, (name, accuracy) in enumerate(reversed(intents.items())):
        label, colour = METHODS[name]
        error = [[accuracy.value - accuracy.low], [accuracy.high - accuracy.value]]
        right.barh([place], [accuracy.value], xerr=error, color=COLOURS[colour], capsize=3)
        right.text(accuracy.high + 0.02, place, label, verticalalignment="center", fontsize=9)
    right.set(
        title=f"Real bank customers: 77 intents, up to {N_LABELLED} labelled examples",
        xlabel="accuracy",
        xlim=(0, 1.35),
        yticks=[],
    )
    right.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    listed = [f"{METHODS[name][0]} {accuracy.value:.2f}" for name, accuracy in intents.items()]
    return Figure(
        figure,
        "Two charts. In the invented shop, accuracy of an assistant and its cost a month: "
        + "; ".join(parts)
        + ". On questions of real bank customers, accuracy by method: "
        + "; ".join(listed)
        + ".",
    )


def _said(found: Estimate) -> str:
    return f"{found.value:.0%} [{found.low:.0%}, {found.high:.0%}]"


def findings() -> list[str]:
    """Return five findings in a sentence each, with value, 95% interval and n."""
    labels = recorded("by_examples")["rows"]
    counted = pooled(labels, method="TF-IDF", n=N_LABELLED)
    tuned = pooled(labels, method="LoRA", n=N_LABELLED)
    arms = recorded("arms")["rows"]
    retrieved = pooled(arms, "value", arm="retrieval")
    prompted = pooled(arms, "value", arm="prompt")
    by_heart = pooled(arms, "value", arm="tuned on facts, and retrieval")
    to_read = pooled(arms, "value", arm="the stack")
    template = pooled(arms, arm="no language model")
    stack = pooled(arms, arm="the stack")
    real = {found.id: found for found in recorded_outcomes() if found.model == "gguf:smollm2"}
    abstention = recorded("abstention")["rows"]
    kept = pooled(abstention, share=0.2)
    lost = pooled(abstention, share=0.0)
    h5 = real["H5"]
    return [
        f"**Check whether you need a language model.** On the shop's easy tickets with"
        f" {N_LABELLED} labels, word counts with logistic regression reach {_said(counted)},"
        f" LoRA {_said(tuned)} (n = {counted.n}). A retrieved sentence in a template"
        f" makes {_said(template)} of its letters right, the fine-tuned assistant {_said(stack)}.",
        f"**Facts come from retrieval.** On an unknown handbook a prompt alone answers"
        f" {_said(prompted)}, with retrieval {_said(retrieved)}"
        f" (n = {retrieved.n}).",
        f"**Fine-tune to read, never for facts.** With retrieval, a model fine-tuned to read"
        f" answers {_said(to_read)}, one fine-tuned on the facts {_said(by_heart)}. On the genuine"
        f" SmolLM2-135M the gap is {100 * h5.value:.0f} points [{100 * h5.low:.0f},"
        f" {100 * h5.high:.0f}] (n = {h5.n}).",
        f"**Fine-tuning destroys abstention unless it is in the data:** {_said(lost)} on"
        f" unanswerable questions without such examples, {_said(kept)} with them (n = {lost.n}).",
        f"**Not everything is within a small model's reach.** Of {len(real)} claims measured on"
        f" SmolLM2-135M, {_n(real, 'holds')} hold, {_n(real, 'holds with limits')} hold with"
        f" limits, and {_n(real, 'out of')} are out of its reach.",
    ]


def _n(outcomes: dict, verdict: str) -> int:
    exact = verdict in ("holds", "holds with limits")
    found = [o for o in outcomes.values() if o.verdict == verdict or not exact]
    return len([o for o in found if o.verdict.startswith(verdict)])


def with_findings(readme: str) -> str:
    """Return the README with the present findings between its two marks."""
    listed = "\n".join(f"- {finding}" for finding in findings())
    block = f"{BEGIN}\n{listed}\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: block, readme, flags=re.S)


def as_png(figure: Figure) -> bytes:
    """Return the picture as a file that carries its text alternative."""
    buffer = io.BytesIO()
    figure.figure.savefig(buffer, format="png", dpi=144, metadata={"Description": figure.alt})
    return buffer.getvalue()


def _write(folder: Path) -> None:
    write_whole(folder / PICTURE, [as_png(picture())])
    readme = folder / "README.md"
    write_whole(readme, with_findings(read_text(readme)))


if __name__ == "__main__":
    _write(Path.cwd())
