"""Prompting: each pattern a named pure function, fields in, messages out."""
