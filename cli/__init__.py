"""The `actgrad` command."""

__version__ = "0.1.0"
