"""AdaptLab: prompt, retrieve, or fine-tune? Measured, not believed."""

__version__ = "1.0.0"
