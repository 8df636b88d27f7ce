"""The conditions of the support assistant; `studies/arms.py` builds and measures them. Nothing here
loads a model.
"""

from dataclasses import dataclass

N_ASKED = 100
N_LOOKED_AT = 400  # transcripts that DPO, or the choice of a threshold, looks at
N_WITHOUT = 25  # questions of a seed, and the number of them without an answer in the handbook


@dataclass(frozen=True)
class Arm:
    """One condition. `tuning`: "" for none. `shows`: the chunks in the prompt, "nothing", "found",
    "first" or "right".

    `prompt`: "full", "steps", "examples", "similar" examples, "short", "bare" for none, or
    "template", which has no language model.
    """

    tuning: str
    shows: str
    prompt: str

    @property
    def shows_chunks(self) -> bool:
        return self.shows != "nothing"

    @property
    def has_model(self) -> bool:
        return self.prompt != "template"


ARMS = {
    "no language model": Arm("", "found", "template"),
    "prompt": Arm("", "nothing", "full"),
    "prompt, step by step": Arm("", "nothing", "steps"),
    "prompt, two examples": Arm("", "nothing", "examples"),
    "retrieval": Arm("", "found", "full"),
    "retrieval, short prompt": Arm("", "found", "short"),
    "retrieval, two examples": Arm("", "found", "examples"),
    "retrieval, retrieved examples": Arm("", "found", "similar"),
    "retrieval, the right chunk": Arm("", "right", "full"),
    "tuned on facts": Arm("facts", "nothing", "short"),
    "tuned on facts, and retrieval": Arm("facts", "found", "short"),
    "the stack": Arm("lora", "found", "short"),
    "the stack, one chunk": Arm("lora", "first", "short"),
    "the stack without retrieval": Arm("lora", "nothing", "short"),
    "the stack without its prompt": Arm("lora", "found", "bare"),
    "the stack, tuned in full": Arm("full", "found", "short"),
    "the stack, then DPO": Arm("dpo", "found", "short"),
}
