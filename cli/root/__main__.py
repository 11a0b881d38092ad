"""`python -m actgrad` is the command `actgrad`."""

from actgrad.cli import main

main()
