"""Running a chain of layers over arrays of any size."""
