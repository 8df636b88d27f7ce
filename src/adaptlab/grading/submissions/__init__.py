"""Submissions: found in whatever a platform exports, each with its student."""
