"""AdaptLab: prompt, retrieve, or fine-tune? Measured, not believed."""

__version__ = "0.1.0"
