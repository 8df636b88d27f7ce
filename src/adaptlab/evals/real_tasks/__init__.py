"""Real tasks with public data, next to the invented world."""
