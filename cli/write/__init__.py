"""Writing answers: formats, files and standard output."""
