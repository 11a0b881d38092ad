"""Reading arrays: literals, files and standard input."""
