"""Decisions: the guides' rules as code, the measurements and costs of each lever, and learned
rules.
"""
