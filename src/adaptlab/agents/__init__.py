"""Agents: tools with checked arguments, a loop with limits, a router for models that cannot call
tools, and a pipeline of roles.
"""
