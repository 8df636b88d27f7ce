"""Every test runs without a network and without a browser."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["ADAPTLAB_UNATTENDED"] = "1"

import pytest


@pytest.fixture(scope="session")
def chat():
    """The embedded chat model, loaded once."""
    from adaptlab.models.local import LocalChat

    return LocalChat("embedded:chat")


@pytest.fixture(scope="session")
def tokenizer(chat):
    return chat.tokenizer
