"""Labs: checks beside each exercise, and a grader that runs strangers' notebooks in a box and
judges outside it.
"""
