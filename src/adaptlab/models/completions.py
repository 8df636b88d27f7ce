"""Requests for chat completions, in the name that the model has for the token limit."""

OLD = "max_tokens"
NEW = "max_completion_tokens"


class Completions:
    """Chat completions by an `openai.OpenAI`. Reasoning models refuse `max_tokens`: they are asked
    again, and from then on, in the newer name.
    """

    def __init__(self, client):
        self.client = client
        self.limit = OLD

    def create(self, max_tokens: int, **options):
        """The server's answer, or its stream. Raises what the SDK raises."""
        name = self.limit
        try:
            return self.client.chat.completions.create(**options, **{name: max_tokens})
        except Exception as error:
            if name == NEW or NEW not in str(error):
                raise
        self.limit = NEW
        return self.create(max_tokens, **options)
