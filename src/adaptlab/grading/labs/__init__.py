"""The reference answers of each lab, and the answers of known misconceptions. This folder is never
visible in the sandbox.
"""
