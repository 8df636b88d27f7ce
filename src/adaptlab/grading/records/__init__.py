"""Records of grading: the marks, nbgrader's gradebook, exports and feedback."""
