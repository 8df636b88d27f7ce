"""Requests for chat completions, with the model's name for the token limit."""

OLD = "max_tokens"
NEW = "max_completion_tokens"


class Completions:
    """Chat completions with an `openai.OpenAI` client.

    Reasoning models reject `max_tokens`: the request is sent again with the newer name, which is
    then kept.
    """

    def __init__(self, client):
        self.client = client
        self.limit = OLD

    def create(self, max_tokens: int, **options):
        """Return the server's answer, or its stream. Raises the errors of the SDK."""
        name = self.limit
        try:
            return self.client.chat.completions.create(**options, **{name: max_tokens})
        except Exception as error:
            if name == NEW or NEW not in str(error):
                raise
        self.limit = NEW
        return self.create(max_tokens, **options)
