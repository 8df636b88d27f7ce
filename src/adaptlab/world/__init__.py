"""An invented shop and its people: pure functions of a seed, with known correct answers."""
