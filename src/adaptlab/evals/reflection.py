"""Instructions that a language model writes: GEPA (Agrawal et al. 2025, arXiv 2507.19457) shows it
errors of an instruction, and it writes a better one.

GEPA sees only the pool of examples of a prompt search. The search then chooses among all
instructions on development cases, and measures on held-out cases.
"""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.evals.labelled import Labelled, kind_of, make_judge
from adaptlab.evals.optimize import STORE, names_of, split
from adaptlab.evals.trials import TrialStore, identity
from adaptlab.files import make_folder, read_json, write_whole
from adaptlab.models.chat import Chat, ask
from adaptlab.progress import progress_bar
from adaptlab.prompts.template import PLACEHOLDER, few_shot_template

WRITTEN = "written.json"
COMPONENT = "instruction"  # the only text that GEPA changes
MAX_NEW_TOKENS = 400  # of a written instruction


@dataclass
class _Adapter:
    """What GEPA asks of a task: the scores of an instruction, and errors to learn from."""

    store: TrialStore
    names: tuple[str, str]
    is_correct: Callable[[str, Labelled], bool]
    bar: Any
    propose_new_texts: None = None  # GEPA's own

    def evaluate(
        self,
        batch: list[Labelled],
        candidate: dict[str, str],
        capture_traces: bool = False,
    ) -> Any:
        from gepa.core.adapter import EvaluationBatch

        prompt = few_shot_template(candidate[COMPONENT], [], self.names)
        asked = [prompt.messages(case.text) for case in batch]
        texts = [reply.text for reply in self.store.replies(asked, "written", 0, self.bar)]
        scores = [float(self.is_correct(text, case)) for text, case in zip(texts, batch)]
        traces = list(zip(batch, texts, scores)) if capture_traces else None
        return EvaluationBatch(texts, scores, traces)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, str]]]:
        shown = []
        for case, text, score in eval_batch.trajectories:
            feedback = "Correct." if score else f"Wrong. The correct answer is: {case.shown}"
            shown.append({"Inputs": case.text, "Generated Outputs": text, "Feedback": feedback})
        return {COMPONENT: shown}


class _Silent:
    def log(self, message: str) -> None:
        """Leave GEPA's log out: the search reports its own results."""


def write_instructions(
    chat: Chat,
    cases: Sequence[Labelled],
    instruction: str,
    folder: Path,
    *,
    writer: Chat,
    calls: int,
    most_shots: int,
    seed: int = 0,
    judge: str = "",
    max_new_tokens: int = 32,
) -> list[str]:
    """Return instructions that `writer` wrote, after at most about `calls` calls of `chat` on the
    pool of examples; kept in a file of the folder, so that the same call resumes.

    Raises:
        AdaptLabError: if GEPA is not installed, the cases have no pool of examples, or the folder
            has instructions that were written with other settings.
    """
    if find_spec("gepa") is None:
        raise AdaptLabError("GEPA is not installed. Run: pip install 'adaptlab[gepa]'")
    pool = split(len(cases), most_shots, seed).pool
    if not pool:
        raise AdaptLabError(
            "There is no pool of examples to learn from. Give --shots with a number above 0."
        )
    model = identity(chat)
    settings: dict[str, Any] = {
        "model": model,
        "writer": identity(writer),
        "calls": calls,
        "seed": seed,
    }
    settings |= {"instruction": instruction, "cases": [cases[i].text for i in pool]}
    path = folder / WRITTEN
    if path.exists():
        kept = read_json(path)
        if kept["settings"] != settings:
            raise AdaptLabError(
                f"{path} was written with other settings. Choose a new folder, or delete the file."
            )
        return kept["instructions"]
    import gepa

    make_folder(folder)
    kind = judge or kind_of(cases)
    examples = [cases[i] for i in pool]
    store = TrialStore(chat, folder / STORE, model, max_new_tokens)
    with progress_bar(total=calls, desc="writing instructions", unit="call") as bar:
        adapter: Any = _Adapter(store, names_of(kind), make_judge(cases, kind), bar)
        found: Any = gepa.optimize(
            {COMPONENT: instruction},
            examples,
            examples,
            adapter=adapter,
            reflection_lm=lambda shown: _written(writer, shown),
            max_metric_calls=calls,
            logger=_Silent(),
            seed=seed,
        )
    instructions = _usable([one[COMPONENT] for one in found.candidates], instruction)
    content = json.dumps({"settings": settings, "instructions": instructions}, indent=1)
    write_whole(path, content + "\n")
    return instructions


def _written(writer: Chat, shown: str | list[dict]) -> str:
    text = shown if isinstance(shown, str) else "\n\n".join(one["content"] for one in shown)
    return ask(writer, text, max_new_tokens=MAX_NEW_TOKENS).text


def _usable(written: Sequence[str], first: str) -> list[str]:
    """Return new instructions; one that contains the placeholder of the text is named and left
    out.
    """
    found = []
    for text in dict.fromkeys(one.strip() for one in written):
        if PLACEHOLDER in text:
            says = f"A written instruction is left out, since it contains {PLACEHOLDER}"
            warnings.warn(f"{says}: {text}", stacklevel=3)
        elif text and text != first.strip():
            found.append(text)
    return found
