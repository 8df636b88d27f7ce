"""Labs: checks in the student's notebook, and a grader that runs submissions in a sandbox and
judges their outputs outside it.
"""
