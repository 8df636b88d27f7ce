"""Studies: grids of training runs that take too long for a lesson, and their recorded results."""
