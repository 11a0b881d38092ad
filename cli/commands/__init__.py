"""The commands, one a file; a command has the name of its file."""

#: The file of each command and its function there, in the order in which the help lists them.
COMMANDS = {
    "forward": "forward",
    "backward": "backward",
    "graph": "graph",
    "explain": "explain",
    "plot": "plot",
    "check": "check",
    "sample": "sample",
    "verify": "verify_dump",
    "survey": "survey_framework",
    "diagnose": "diagnose_run",
    "record": "record_script",
    "layers": "layers",
}
