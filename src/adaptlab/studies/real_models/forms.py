"""A task for any model, the forms in which a prompt can put it, and the choice among them.

No model is asked to guess a form: the instruction states it. Which form of prompt a model reads
best is chosen on development cases and kept with the result; the test cases are not looked at.
"""

import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

from adaptlab.messages import Messages, assistant, system, user
from adaptlab.models.chat import Reply
from adaptlab.models.local import LocalChat
from adaptlab.progress import progress_bar
from adaptlab.studies.real_models.reply_store import ContextTooShort, ReplyStore

N_DEVELOPMENT = 40


@dataclass(frozen=True)
class Item:
    """One case: the text of the input, the gold answer as an example shows it, and what the judge
    needs. `shots` are examples of the case's own, (text, answer).
    """

    text: str
    answer: str
    fields: dict = field(default_factory=dict)
    shots: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Task:
    """`draw(rng, n)` samples cases; `judge(item, reply)` says whether a reply's content is correct.

    `ks` are the numbers of examples that a form may show. `group(item)` divides the cases for the
    choice of a form, if there are groups: the score is the accuracy in the worst group. So a form
    in which a model always abstains is not the best for a task of which half is to be answered.
    """

    name: str
    instruction: str
    draw: Callable[[random.Random, int], list[Item]]
    judge: Callable[[Item, str], bool]
    max_new_tokens: int
    input_name: str = "Text"
    output_name: str = "Answer"
    ks: tuple[int, ...] = (0, 2, 4)
    n_development: int = N_DEVELOPMENT
    group: Callable[[Item], Hashable] | None = None

    def score(self, items: Sequence[Item], hits: Sequence[bool]) -> float:
        """Return the accuracy, or that of the worst group."""
        groups: dict[Hashable, list[bool]] = {}
        for item, hit in zip(items, hits):
            groups.setdefault(self.group(item) if self.group else "", []).append(hit)
        return min(sum(found) / len(found) for found in groups.values())


@dataclass(frozen=True)
class Form:
    """The form of a prompt, with `k` examples as turns or in one list.

    `place` of the instruction: "user", "system", or "transcript", which is a plain text for the
    model to continue, without its chat template.
    """

    place: str
    k: int
    as_turns: bool = False

    @property
    def name(self) -> str:
        shown = f", {self.k} examples as {'turns' if self.as_turns else 'a list'}" if self.k else ""
        return f"{self.place}{shown}"


def forms(ks: Sequence[int]) -> list[Form]:
    """Return the fixed list of forms for these numbers of examples."""
    made = [Form(place, 0) for place in ("user", "system", "transcript") if 0 in ks]
    for k in ks:
        if k:
            made += [Form("user", k, True), Form("system", k, True), Form("user", k)]
            made += [Form("transcript", k)]
    return made


def build(task: Task, form: Form, item: Item, shots: Sequence[tuple[str, str]]) -> Messages | str:
    """Return the prompt of a case in a form."""
    shown = list(item.shots or shots)[: form.k]
    if form.place == "transcript":
        return f"{task.instruction}\n\n{_listed(task, shown, item.text)}"
    start = [system(task.instruction)] if form.place == "system" else []
    lead = "" if start else f"{task.instruction}\n\n"
    if not form.as_turns:
        content = _listed(task, shown, item.text).removesuffix(f"\n{task.output_name}:")
        return [*start, user(lead + content)]
    turns = []
    for text, answer in shown:
        turns += [user(f"{task.input_name}: {text}"), assistant(answer)]
    turns.append(user(f"{task.input_name}: {item.text}"))
    turns[0] = turns[0] | {"content": lead + turns[0]["content"]}
    return [*start, *turns]


def _listed(task: Task, shown: Sequence[tuple[str, str]], text: str) -> str:
    done = [
        f"{task.input_name}: {example}\n{task.output_name}: {answer}" for example, answer in shown
    ]
    return "\n\n".join([*done, f"{task.input_name}: {text}\n{task.output_name}:"])


def task_shots(task: Task) -> list[tuple[str, str]]:
    """Return the examples of a task, the same for every prompt and never a test case."""
    if not any(task.ks):
        return []
    rng = random.Random(f"examples:{task.name}")
    return [(item.text, item.answer) for item in task.draw(rng, max(task.ks))]


def ask(
    model: ReplyStore, task: Task, form: Form, items: Sequence[Item], **options
) -> tuple[list[bool], list[Reply]]:
    """Return whether each reply is correct, and the replies.

    A transcript's reply ends at its first empty line: a model that continues would ask itself the
    next question.
    """
    shots = task_shots(task)
    prompts = [build(task, form, item, shots) for item in items]
    replies = model.replies(
        prompts, max_new_tokens=task.max_new_tokens, desc=f"{task.name}: {form.name}", **options
    )
    if form.place == "transcript":
        replies = [first_part(reply, task.input_name) for reply in replies]
    return [task.judge(item, reply.text) for item, reply in zip(items, replies)], replies


def likeliest_label(chat: LocalChat, prompt: Messages, labels: Sequence[str]) -> str:
    """Return the label with the highest mean log-probability of its tokens, as a reply.

    The mean does not favour labels of few tokens, as the sum does.
    """
    scores = {}
    for label in labels:
        logs = chat.log_probabilities(prompt, label)
        scores[label] = sum(logs) / len(logs)
    return max(labels, key=lambda label: scores[label])


def by_log_probability(
    model: ReplyStore, task: Task, form: Form, items: Sequence[Item], *key: object
) -> list[float]:
    """Return 1 for each case whose likeliest label is correct, else 0, kept under this key.

    The field `labels` of a case lists its labels. A transcript's labels are scored in a user's
    turn: a reply needs the template.
    """
    asked = replace(form, place="user") if form.place == "transcript" else form
    shots = task_shots(task)

    def measure(chat: LocalChat) -> list[float]:
        hits = []
        for item in progress_bar(items, desc=f"{task.name}: labels", unit="case", leave=False):
            prompt = build(task, asked, item, shots)
            assert not isinstance(prompt, str)
            found = likeliest_label(chat, prompt, item.fields["labels"])
            hits.append(float(found == item.answer))
        return hits

    return model.value(measure, "labels", task.name, asked.name, *key)


def first_part(reply: Reply, input_name: str) -> Reply:
    """Cut the reply to a transcript before the next example."""
    text = reply.text.split("\n\n", 1)[0].split(f"\n{input_name}:", 1)[0]
    return Reply(text.strip(), reply.n_prompt_tokens, reply.n_completion_tokens, reply.seconds)


@dataclass(frozen=True)
class Choice:
    """The chosen form, and the score of every form on the development cases."""

    form: Form
    accuracies: dict[str, float]
    n: int


def development_items(task: Task) -> list[Item]:
    return task.draw(random.Random(f"development:{task.name}"), task.n_development)


def choose_form(
    model: ReplyStore,
    task: Task,
    items: Sequence[Item] = (),
    candidates: Sequence[Form] = (),
) -> Choice:
    """Choose the form with the best score on development cases; on a tie the earlier form. Without
    cases and candidates they are the task's.

    A form that does not fit into the model's context is left out.

    Raises:
        ContextTooShort: if no form fits.
    """
    items = items or development_items(task)
    scores = {}
    for form in candidates or forms(task.ks):
        try:
            scores[form] = task.score(items, ask(model, task, form, items)[0])
        except ContextTooShort as error:
            too_short = error
    if not scores:
        raise too_short
    accuracies = {form.name: round(score, 4) for form, score in scores.items()}
    best = max(scores, key=lambda form: scores[form])
    return Choice(best, accuracies, len(items))


def n_cut(replies: Sequence[Reply], max_new_tokens: int) -> int:
    """Count the replies that reached the limit of tokens, and may have been cut off."""
    return sum(reply.n_completion_tokens >= max_new_tokens for reply in replies)
