"""Supervised fine-tuning with LoRA, by TRL and PEFT."""

import copy
import tempfile
import warnings

from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from adaptlab.models.chat import Messages
from adaptlab.models.local import LocalChat


def lora_sft(
    chat: LocalChat, conversations: list[Messages], *, rank: int = 16, learning_rate: float = 2e-3, epochs: int = 1, batch_size: int = 16, seed: int = 0
) -> LocalChat:
    """A new chat model: a copy of the old one with a LoRA adapter, trained on what the assistant says in the conversations."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TRL's use of names that transformers is about to drop
        config = SFTConfig(
            output_dir=folder, per_device_train_batch_size=batch_size, num_train_epochs=epochs, learning_rate=learning_rate, lr_scheduler_type="cosine",
            warmup_steps=0.05, assistant_only_loss=True, max_length=512, seed=seed, report_to="none", save_strategy="no", logging_steps=10,
            disable_tqdm=False, bf16=False, use_cpu=chat.model.device.type == "cpu", dataloader_pin_memory=False,
        )  # fmt: skip
        lora = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        rows = Dataset.from_list([{"messages": list(messages)} for messages in conversations])
        trainer = SFTTrainer(copy.deepcopy(chat.model), args=config, train_dataset=rows, processing_class=chat.tokenizer, peft_config=lora)
        trainer.train()
    return LocalChat(f"{chat.name} + LoRA", trainer.model.eval(), chat.tokenizer)
