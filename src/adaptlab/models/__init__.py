"""Language models: the embedded models with their recipe and card, and one interface to all chat
models.
"""
