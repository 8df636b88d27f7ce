"""Tuning: the one place that calls TRL and PEFT."""
