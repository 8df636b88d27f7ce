"""Fine-tuning: the only package that calls TRL and PEFT."""
