"""Find submissions in the export of a learning platform or in a folder, each with its student."""
