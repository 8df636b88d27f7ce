"""The language models: the embedded ones with their recipe and card, and one way to talk to them
all.
"""
