"""Fine-tuning by TRL and PEFT on the embedded model."""

from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.tune.sft import lora_sft
from adaptlab.world.case import assistant, user


def test_an_adapter_learns_and_leaves_the_model_it_started_from_alone():
    chat = LocalChat("embedded:mini-chat")
    asked = [[user(f"What is the secret of {name}?")] for name in ("Orin", "Leda", "Ivo")]
    answers = ["Selby", "Corran", "Zorin"]
    before = {name: tensor.clone() for name, tensor in chat.model.state_dict().items()}
    tuned = lora_sft(chat, [[*messages, assistant(answer)] for messages, answer in zip(asked, answers) for _ in range(40)], epochs=3, learning_rate=5e-3)
    assert texts(tuned, asked, max_new_tokens=8) == answers
    assert texts(chat, asked, max_new_tokens=8) != answers
    after = chat.model.state_dict()
    assert all((after[name] == tensor).all() for name, tensor in before.items())
    assert not any("lora" in name for name in after)
