"""What several exercises of lab 05 draw or compute."""

IGNORED = -100
