"""The catalogue: every activation layer, by family."""
