"""Retrieval: embed and find."""
