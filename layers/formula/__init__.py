"""The formula of a layer: the words it is written in, and the ways it is read."""
