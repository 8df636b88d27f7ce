"""Prompting: each pattern is a named pure function from fields to messages."""
