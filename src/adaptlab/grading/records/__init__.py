"""What is kept and handed on: marks, nbgrader's gradebook, exports, feedback."""
