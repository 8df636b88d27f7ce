"""Deciding: the guides' rules as code, what each lever measured, what it costs, and rules of our
own.
"""
