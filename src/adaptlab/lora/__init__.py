"""LoRA: the maths, and counting what it costs for any architecture."""
