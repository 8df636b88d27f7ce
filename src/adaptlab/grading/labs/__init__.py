"""What the answers of each lab must do, and what wrong ones believe. This folder never enters the
box.
"""
