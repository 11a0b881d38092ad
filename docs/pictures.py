"""The pictures of README.md and of the pages in this folder.

`python docs/pictures.py` draws them all again into `docs/pictures`, each under the name of its
function; the picture of a page needs Chromium. `python docs/pictures.py check` draws that one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

FOLDER = Path(__file__).parent / "pictures"
#: The columns of the terminal.
COLUMNS = 112
#: A font from elsewhere, which the picture does without.
FONT = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
DRAWING = re.compile(r"<svg .*?</svg>\n", re.DOTALL)
#: The width and the height of the window that shows a page, in pixels.
WINDOW = (1100, 980)
#: The largest picture, in bytes.
LARGEST = 200_000

SWISH = """import numpy as np
class Swish:
    def forward(self, x):
        self.x, self.s = x, np.exp(-np.logaddexp(0, -x))
        return x * self.s
    def backward(self, dout):
        return dout * (self.s + self.x * self.s * (1 - self.s) * (self.x < 2))
"""
NAIVE = """import math, numpy as np
x = np.load('x.npy'); np.seterr(all='ignore')
erf = np.vectorize(math.erf, otypes='f')
np.save('y.npy', x * (1 + erf(x * np.float32(0.5**0.5))) / 2)
"""


@contextmanager
def folder_with(**files: str) -> Iterator[Path]:
    """A temporary folder with these Python files."""
    with tempfile.TemporaryDirectory() as name:
        for stem, source in files.items():
            (Path(name) / f"{stem}.py").write_text(source, encoding="utf-8")
        yield Path(name)


def run(command: str, folder: Path | None = None) -> str:
    """What a terminal in colour shows for a command of this environment."""
    scripts = str(Path(sys.executable).parent)
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment |= {
        "PATH": scripts + os.pathsep + environment["PATH"],
        "FORCE_COLOR": "1",
        "COLORTERM": "truecolor",
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
    }
    process = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return process.stdout


def screen(*commands: str, folder: Path | None = None) -> str:
    """A terminal in which these commands were typed, as SVG."""
    console = Console(
        record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    for command in commands:
        console.print(Text.assemble(("$ ", "bold green"), command), soft_wrap=True)
        console.print(Text.from_ansi(run(command, folder).rstrip()), soft_wrap=True)
    text = console.export_svg(
        title="actgrad",
        theme=SVG_EXPORT_THEME,
        code_format=FONT.sub("", CONSOLE_SVG_FORMAT),
        unique_id="terminal",
    )
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def written(command: str, suffix: str, folder: Path | None = None) -> str:
    """What the command writes into a file with this suffix."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / f"answer.{suffix}"
        run(f"{command} -o {file}", folder)
        return file.read_text(encoding="utf-8")


def terminal() -> str:
    """A gradient as a table, and where it comes from."""
    return screen(
        'actgrad backward relu --x "[[1,-0.5],[-2,3]]" --dout "[[10,20],[30,40]]"',
        "actgrad graph sigmoid --x 2 --dout 3",
    )


def layers() -> str:
    """The curves of six layers, and of their derivatives."""
    return written(
        "actgrad plot relu leaky_relu:negative_slope=0.1 elu silu gelu mish --range -4:4", "svg"
    )


def expression() -> str:
    """GELU and an expression that is near to it."""
    return written("actgrad plot gelu 'x*sigmoid(1.702*x)' --range -4:4", "svg")


def check() -> str:
    """The gradient of a layer with a wrong backward, from the page of its report."""
    with folder_with(mine=SWISH) as folder:
        return DRAWING.findall(written("actgrad check mine.py:Swish", "html", folder))[0]


def verify() -> str:
    """The error of a kernel over x, from the page of its report."""
    with folder_with(naive=NAIVE) as folder:
        run("actgrad sample gelu -n 20000 -o x.npy && python naive.py", folder)
        page = written("actgrad verify gelu --x x.npy --out y.npy --max-ulp 2", "html", folder)
        return DRAWING.findall(page)[1]


def page() -> bytes:
    """The page of the sigmoid in a browser."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("the picture of a page needs Chromium")
    with tempfile.TemporaryDirectory() as name:
        file, picture = Path(name) / "sigmoid.html", Path(name) / "page.png"
        run(f"actgrad graph sigmoid --x 2 --dout 3 -o {file}")
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *(f"--user-data-dir={name}/profile", f"--window-size={WINDOW[0]},{WINDOW[1]}"),
                *(f"--screenshot={picture}", file.as_uri()),
            ],
            check=True,
            capture_output=True,
        )
        return picture.read_bytes()


#: The pictures that are text, each as it is drawn now.
DRAWN: dict[str, Callable[[], str]] = {
    each.__name__: each for each in (terminal, layers, expression, check, verify)
}


def write(name: str) -> None:
    """Draw a picture into its file."""
    file = FOLDER / (f"{name}.svg" if name in DRAWN else f"{name}.png")
    content = DRAWN[name]().encode() if name in DRAWN else page()
    if len(content) > LARGEST:
        raise SystemExit(f"{file.name} has {len(content)} bytes")
    file.write_bytes(content)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for chosen in sys.argv[1:] or [*DRAWN, "page"]:
        write(chosen)
