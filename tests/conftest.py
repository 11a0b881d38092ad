"""What every test stands on."""

import os
import signal

from hypothesis import settings

# Hypothesis is given all the time it needs: speed is measured elsewhere.
settings.register_profile("actgrad", deadline=None)
settings.load_profile("actgrad")
# For .ci/run, which must say the same of the same tree twice; new examples are sought elsewhere.
settings.register_profile("repeatable", deadline=None, derandomize=True)

# A script's background jobs ignore Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A width that the caller of pytest has set must not fold what the tests read.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
