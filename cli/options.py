"""The options that several commands share, each stated once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import typer

from actgrad.cli.completion import complete_layer

#: What `--dtype` casts to.
Dtype = StrEnum(
    "Dtype",
    [
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "float8_e4m3fn",
        "float8_e5m2",
        "float8_e4m3fnuz",
        "float8_e5m2fnuz",
    ],
)
#: What a value beyond the largest number of an 8-bit float becomes.
Overflow = StrEnum("Overflow", ["nan", "saturate", "inf"])
# The formats of each kind of answer. `actgrad.cli.write` derives the suffixes of files from them.
ArrayFormat = StrEnum("ArrayFormat", ["table", "json", "csv", "npy", "npz"])
ReportFormat = StrEnum("ReportFormat", ["table", "json", "markdown"])
CheckFormat = StrEnum("CheckFormat", ["table", "json", "markdown", "html"])
ExplainFormat = StrEnum("ExplainFormat", ["table", "json", "markdown", "html", "latex"])
#: csv has the worst elements alone.
VerificationFormat = StrEnum("VerificationFormat", ["table", "json", "csv", "markdown", "html"])
#: csv has a row for each unit.
DiagnosisFormat = StrEnum("DiagnosisFormat", ["table", "json", "csv", "markdown", "html"])
PlotFormat = StrEnum("PlotFormat", ["table", "json", "csv", "svg", "html", "png", "pdf"])
GraphFormat = StrEnum("GraphFormat", ["table", "json", "dot", "mermaid", "svg", "html"])


def range_of(text: str) -> tuple[float, float] | None:
    """`-3:3` or `-3,3` as two numbers; None for any other text."""
    try:
        low, high = map(float, text.replace(",", ":").split(":"))
    except ValueError:
        return None
    return low, high


def format_option(formats: type[StrEnum]) -> Any:
    """The option `-f` of a command that has these formats."""
    return typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help="How to print the answer, or to write files whose suffix names no format:"
        f" {', '.join(formats)}. Given twice, the last counts.",
        show_default="table",
    )


def share_option(name: str, what: str, default: str) -> Any:
    """The option `--max-NAME` that sets a share."""
    return typer.Option(
        f"--max-{name}", metavar="SHARE", help=f"{what}, such as 10% or 0.1.", show_default=default
    )


def file_option(suffixes: str) -> Any:
    """The option `-o FILE` of a command that has formats with these suffixes."""
    return typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"Write to FILE instead of printing; its suffix names the format: {suffixes}."
        " - is stdout. Repeatable.",
    )


ARRAY = (
    "a number, an array such as '[[1, -0.5], [-2, 3]]', a range such as -3:3:0.5, a .npy, .npz,"
    " .safetensors, .json, .csv, .bin or text file, or - for stdin"
)

LAYER = (
    "NAME, NAME:PARAM=VALUE[,PARAM=VALUE...], a layer of your own as file.py:Class, or an"
    " expression such as 'x*sigmoid(x)'"
)

OneLayer: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="LAYER",
        help=f"{LAYER}.",
        show_default=False,
        autocompletion=complete_layer,
    ),
]
Layers: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="LAYER...",
        help=f"{LAYER}; several form a chain.",
        show_default=False,
        autocompletion=complete_layer,
    ),
]
X: TypeAlias = Annotated[
    str,
    typer.Option(
        "--x",
        metavar="ARRAY",
        help=f"The input: {ARRAY}. 'x-*.npy' with -o 'out-*.npy' runs on each of several files.",
        show_default=False,
    ),
]
AnyX: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--x", metavar="ARRAY", help=f"The input: {ARRAY}. Without it, the graph has symbols."
    ),
]
At: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="INDEX",
        help="The indices of an element of x, such as 0,1.",
        show_default="the first",
    ),
]
Dout: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--dout",
        metavar="ARRAY",
        help="The gradient from upstream, of out's shape, or a number.",
        show_default="ones",
    ),
]
Scheduler: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Let the workers of a cluster of Dask do the work: tcp://host:8786.",
    ),
]
DtypeOption: TypeAlias = Annotated[
    Dtype | None,
    typer.Option(
        "--dtype", metavar="DTYPE", help=f"Cast the arrays to this dtype first: {', '.join(Dtype)}."
    ),
]
OverflowOption: TypeAlias = Annotated[
    Overflow | None,
    typer.Option(
        "--overflow",
        metavar="nan|saturate|inf",
        help="What a value beyond the largest number of an 8-bit float becomes: nan, the largest"
        " number, or an infinity.",
        show_default="inf in float8_e5m2, else nan",
    ),
]
RawShape: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--shape", metavar="N,M,...", help="The shape of raw data, which a .bin file holds."
    ),
]
Bits: TypeAlias = Annotated[
    bool, typer.Option("--bits", help="Read integers as the bit patterns of --dtype.")
]
ArrayFormatOption: TypeAlias = Annotated[ArrayFormat | None, format_option(ArrayFormat)]
ReportFormatOption: TypeAlias = Annotated[ReportFormat | None, format_option(ReportFormat)]
ArrayOutput: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="[NAME=]FILE",
        help="Write to FILE instead of printing; its suffix names the format: .npy, .npz, .json or"
        " .csv. - is stdout, as .npy. NAME= picks one array. Repeatable.",
    ),
]
GraphFormatOption: TypeAlias = Annotated[GraphFormat | None, format_option(GraphFormat)]
GraphOutput: TypeAlias = Annotated[
    list[str] | None, file_option(".svg, .html, .dot, .mmd, .json or .txt")
]
PlotFormatOption: TypeAlias = Annotated[PlotFormat | None, format_option(PlotFormat)]
PlotOutput: TypeAlias = Annotated[
    list[str] | None, file_option(".svg, .html, .png, .pdf, .json, .csv or .txt")
]
VerificationFormatOption: TypeAlias = Annotated[
    VerificationFormat | None, format_option(VerificationFormat)
]
VerificationOutput: TypeAlias = Annotated[
    list[str] | None, file_option(".html, .json, .csv, .md or .txt")
]
DiagnosisFormatOption: TypeAlias = Annotated[DiagnosisFormat | None, format_option(DiagnosisFormat)]
DiagnosisOutput: TypeAlias = Annotated[
    list[str] | None, file_option(".html, .json, .csv, .md or .txt")
]
ExplainFormatOption: TypeAlias = Annotated[ExplainFormat | None, format_option(ExplainFormat)]
ExplainOutput: TypeAlias = Annotated[
    list[str] | None, file_option(".html, .tex, .json, .md or .txt")
]
CheckFormatOption: TypeAlias = Annotated[CheckFormat | None, format_option(CheckFormat)]
CheckOutput: TypeAlias = Annotated[list[str] | None, file_option(".html, .json, .md or .txt")]
ReportOutput: TypeAlias = Annotated[list[str] | None, file_option(".json, .md or .txt")]
Threads: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        max=1024,
        help="How many processes or threads share the work on large arrays.",
        show_default="all cores",
    ),
]
Order: TypeAlias = Annotated[
    int,
    typer.Option(
        "--order", metavar="1|2", min=1, max=2, help="2 is the second order: d2x = dout·∂²out/∂x²."
    ),
]
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="Where the kernel runs: cpu, cuda or mps.",
        show_default="cpu",
    ),
]
Jit: TypeAlias = Annotated[
    bool, typer.Option("--jit", help="Compile the kernel: by torch.compile or jax.jit.")
]
Histograms: TypeAlias = Annotated[
    bool, typer.Option("--plot", help="Add a histogram of each array to the tables.")
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bar.")]


def parsed_shape(text: str | None) -> tuple[int, ...] | None:
    """Read `64,1024` as a shape; None is not given.

    Raises:
        ShapeError: the text is not positive integers with commas between them.
    """
    if text is None:
        return None
    try:
        sizes = tuple(int(size) for size in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1:
        from actgrad.layers import ShapeError

        raise ShapeError(f"--shape {text} is not a shape", "write it as --shape 64,1024")
    return sizes


def raw_shape(text: str | None, *arguments: str | None) -> tuple[int, ...] | None:
    """Read the shape of the raw data that one of the arguments holds.

    Raises:
        ShapeError: the text is no shape, or none of the arguments is a file of raw data.
    """
    shape = parsed_shape(text)
    if shape is not None and not any(each and each.lower().endswith(".bin") for each in arguments):
        from actgrad.layers import ShapeError

        raise ShapeError("--shape is that of raw data, which a .bin file holds")
    return shape
