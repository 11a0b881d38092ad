"""Let the layer files import their builders, and the tests the forwards in `staircases`."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER / "layers")]
