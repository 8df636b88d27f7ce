"""The course around the library: predictions, running the notebooks, the site."""
