"""An invented shop and its people: pure functions of a seed, with the right answer always known."""
