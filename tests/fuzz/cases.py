"""Command lines to try: six kinds, each drawn from a generator of random numbers.

The options of a command are read from the program itself, so a new option is drawn too.
"""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

import numpy as np
from layer_files import LAYER_FILES

from actgrad.cli.app import built
from actgrad.cli.commands import COMMANDS
from actgrad.layers import catalogue
from actgrad.layers.formula.words import WORDS

FLOATS = ["float16", "float32", "float64"]
#: Commands that take long, or whose few options leave little to draw.
COSTLY = {"check", "explain", "plot", "diagnose", "layers", "survey"}
#: Numbers at the rim of what a dtype, a size or an index can be.
RIM = [
    *("0", "-0.0", "1", "-1", "2", "3", "0.5", "1/3", "-1/3", "0/1", "1/0", "1e-3", "12", "64"),
    *("1e308", "-1e308", "1e400", "1e-320", "5e-324", "1e-300", "nan", "inf", "-inf", "0x7f80"),
    *("99999999999999999999", "4294967296", "-9223372036854775808", "1_000", "٣", "1e", "--1", ""),
]
TOKENS = [
    *"[](){},:;=+-*/^<>|x \t\n.'\"_0123456789eE\\#%&~−·√²π",
    *("nan", "inf", "x", "max(", "where(", "**", "dtype=", "array(", "tensor(", "...", "\ud800"),
    *("0x", "1e999", "\x00", "\x1b[31m", "e-", "None", "True", "if", "else", "import os"),
]
SUFFIXES = ["npy", "npz", "json", "csv", "txt", "md", "html", "svg", "dot", "mmd", "tex", "bin"]


@dataclass
class Case:
    """A command line, the files in its folder, and what it must print, if that is known."""

    arguments: list[str]
    files: dict[str, bytes] = field(default_factory=dict)
    stdin: bytes = b""
    #: The array x that the JSON of a run must hold, unless the command refuses it.
    x: Any = None
    #: The exception that ended the command.
    ended_by: BaseException | None = None


def mutated(random: Random, text: str) -> str:
    """The text with a few of its parts removed, repeated, or replaced by tokens."""
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        at = random.randint(0, len(text))
        end = min(len(text), at + random.choice([0, 0, 1, 1, 2, 5]))
        kind = random.random()
        part = random.choice(TOKENS) if kind < 0.7 else text[at:end] * random.choice([0, 2, 40])
        text = text[:at] + part + text[end:]
    return text


def mutated_bytes(random: Random, data: bytes) -> bytes:
    """The bytes with bits flipped, a part removed or repeated, or a number in it replaced."""
    changed = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 4])):
        at = random.randrange(min(len(changed), 200 if random.random() < 0.8 else 10**6) or 1)
        kind = random.randrange(6)
        if kind == 0 and changed:
            changed[at % len(changed)] ^= 1 << random.randrange(8)
        elif kind == 1:
            del changed[at : at + random.choice([1, 2, 8, 10**6])]
        elif kind == 2:
            changed[at:at] = changed[at : at + random.choice([1, 4, 64])]
        elif kind == 3:
            size = random.choice([1, 2, 4, 8])
            value = random.choice([0, 1, 2**31, 2**63, 2**64 - 1, random.getrandbits(64)])
            changed[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
        else:
            changed[at : at + random.choice([0, 1])] = random.choice(
                [
                    b"0",
                    b"9",
                    b"-",
                    b"(",
                    b",",
                    b"'",
                    b"4611686018427387904",
                    b"1000000000000",
                    b"f8",
                ]
            )
    return bytes(changed)


def numbers(random: Random) -> Any:
    """A small array with numbers of every size."""
    shape = random.choice([(), (1,), (3,), (2, 2), (0,), (2, 0), (1, 2, 2), (4, 4), (2,) * 5])
    size = int(np.prod(shape))
    values = [
        random.choice([0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, 5e-324, 1.7e308])
        if random.random() < 0.2
        else random.gauss(0, 1) * 10.0 ** random.choice([0, 0, 0, 1, 5, -5, -300, 300])
        for _ in range(size)
    ]
    return np.array(values).reshape(shape)


def literal(random: Random) -> Case:
    """`forward identity --x TEXT`, where the text is an array in some notation."""
    x = numbers(random)
    text = random.choice([as_python, as_json, as_matlab, as_rows, as_numpy])(x)
    if text is None:
        text = as_python(x)
    if random.random() < 0.6:
        return Case(["forward", "identity", "-f", "json", "--x", mutated(random, text)])
    return Case(["forward", "identity", "-f", "json", "--x", text], x=x)


def as_python(x: Any) -> str:
    return repr(x.tolist())


def as_json(x: Any) -> str | None:
    return json.dumps(x.tolist()) if np.isfinite(x).all() else None


def as_matlab(x: Any) -> str | None:
    rows = [" ".join(map(repr, row)) for row in x.tolist()] if x.ndim == 2 and x.size else None
    return f"[{'; '.join(rows)}]" if rows else None


def as_rows(x: Any) -> str | None:
    return as_matlab(x)[1:-1].replace("; ", "\n").replace(" ", ",") if as_matlab(x) else None


def as_numpy(x: Any) -> str | None:
    text = np.array2string(x, separator=", ", floatmode="unique", threshold=10**6)
    return f"array({text})" if x.size else None


def array_file(random: Random) -> Case:
    """`forward identity --x FILE`, where bytes of the file may be changed."""
    x = numbers(random).astype(random.choice(FLOATS + ["bool", "int16", ">f4", "uint64"][:3]))
    name, data = random.choice([npy_file, npz_file, safetensors_file])(random, x)
    whole = random.random() < 0.1
    if whole:
        name, data = random.choice([plain_npy, npz_file])(random, x)
    else:
        data = mutated_bytes(random, data)
    command = random.choice(
        [["forward", "identity"], ["backward", "prelu"], ["backward", "softmax"]]
    )
    form = random.choice(["json", "json", "csv", "table"])
    given = {"arguments": [*command, "--x", name, "-f", form], "files": {name: data}}
    if random.random() < 0.1:
        given = {"arguments": [*command, "--x", "-", "-f", form], "stdin": data}
    known = whole and form == "json" and x.dtype.kind == "f"
    return Case(**given, x=x if known else None)


def plain_npy(random: Random, x: Any) -> tuple[str, bytes]:
    file = io.BytesIO()
    np.save(file, x)
    return "x.npy", file.getvalue()


def npy_file(random: Random, x: Any) -> tuple[str, bytes]:
    shape = random.choice([None, None, (1,) * random.randrange(30, 70), (0, 10**12), (2**62, 0)])
    return plain_npy(random, x) if shape is None else ("x.npy", npy_bytes(x, shape))


def npy_bytes(x: Any, shape: tuple[int, ...]) -> bytes:
    """A `.npy` file that says that its array has this shape."""
    text = str({"descr": x.dtype.str, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + x.tobytes()


def npz_file(random: Random, x: Any) -> tuple[str, bytes]:
    file = io.BytesIO()
    members = {"x": x} if random.random() < 0.9 else {"a": x, "b": x}
    (np.savez if random.random() < 0.5 else np.savez_compressed)(file, **members)
    return "x.npz", file.getvalue()


def safetensors_file(random: Random, x: Any) -> tuple[str, bytes]:
    shape = list(x.shape)
    if random.random() < 0.2:
        shape = random.choice([[1] * 200, [2**40, 0], [2**64 - 1], [-1], [2**32, 2**32], [0.5]])
    return "x.safetensors", safetensors_bytes(x, shape)


def safetensors_bytes(x: Any, shape: list[Any]) -> bytes:
    """A safetensors file that says that its array `x` has this shape."""
    kinds = {"float16": "F16", "float32": "F32", "float64": "F64"}
    about = {"dtype": kinds.get(x.dtype.name, "F8_E4M3"), "shape": shape}
    head = json.dumps({"x": {**about, "data_offsets": [0, x.nbytes]}}).encode()
    return struct.pack("<Q", len(head)) + head + x.tobytes()


def expression_text(random: Random, depth: int = 3) -> str:
    """A formula in x over the whole vocabulary and the layers of the catalogue."""
    if not depth or random.random() < 0.2:
        return random.choice(["x", "x", "x", "2", "0.1", "1e-320", "1e308", "pi", "e", "-1"])
    part = [expression_text(random, depth - 1) for _ in range(3)]
    kind = random.randrange(7)
    if kind < 3:
        return f"({part[0]} {random.choice('+-*/')} {part[1]})"
    if kind == 3:
        return f"({part[0]})**{random.choice(['2', '3', '0.5', '(-1)', '1/3', '1000', part[1]])}"
    if kind == 4:
        return f"({part[0]} if {part[1]} {random.choice(['>', '<=', '=='])} {part[2]} else 1)"
    name = random.choice(words() if kind == 5 else names())
    return f"{name}({', '.join(part[: random.choice([1, 1, 1, 2, 3])])})"


@cache
def words() -> list[str]:
    return [word.symbol for word in WORDS]


@cache
def names() -> list[str]:
    return [cls.name for cls in catalogue()]


def expression(random: Random) -> Case:
    """An expression, run, drawn, explained or plotted."""
    text = expression_text(random)
    if random.random() < 0.4:
        text = mutated(random, text)
    command = random.choices(["backward", "graph", "explain", "plot"], [30, 5, 1, 1])[0]
    arguments = [command, text, "-f", "json"]
    if command in ("backward", "graph"):
        arguments += ["--x", as_python(numbers(random))]
    return Case(arguments)


def spec(random: Random) -> str:
    """A layer with parameters, both of the catalogue, or nearly so."""
    cls = random.choice(catalogue())
    drawn = [name for name in cls.parameters if random.random() < 0.6]
    pairs = [f"{name}={random.choice(RIM)}" for name in drawn]
    if random.random() < 0.1:
        pairs.append(f"axis={random.choice(RIM)}")
    text = cls.name + (":" + ",".join(pairs) if pairs else "")
    return mutated(random, text) if random.random() < 0.2 else text


def layer_spec(random: Random) -> Case:
    """One layer or two, run on a few numbers or shown."""
    layers = [spec(random) for _ in range(random.choice([1, 1, 1, 2]))]
    command = random.choices(
        ["backward", "graph", "sample", "explain", "verify", "plot"], [60, 10, 4, 1, 1, 1]
    )[0]
    if command == "explain":
        layers = layers[:1]
    x = as_python(numbers(random))
    more = {
        "backward": ["--x", x, *random.choice([[], ["--dtype", random.choice(FLOATS)]])],
        "graph": random.choice([[], ["--x", x]]),
        "sample": ["-n", random.choice(["0", "1", "7", "100"])],
        "verify": ["--x", x, "--out", x],
    }
    return Case([command, *layers, *more.get(command, []), "-f", "json"])


def target(random: Random) -> Case:
    """`check` of anyone's layer, whose file may be changed."""
    name, text = random.choice(list(LAYER_FILES.items()))
    if random.random() < 0.7:
        text = mutated(random, text)
    classes = [
        "Layer",
        "Other",
        "forward,backward",
        "forward",
        "",
        "nope",
        "Layer:a=1",
        ":",
        "__x__",
    ]
    word = f"{name}.py:{random.choices(classes, [10, 1, 6, 1, 1, 1, 1, 1, 1])[0]}"
    if random.random() < 0.1:
        word = mutated(random, word)
    shape = random.choice([[], [], ["--shape", random.choice(["2,3", "0", "-1", "1,1,1,4", "x"])]])
    x = random.choice([[], [], [], ["--x", as_python(numbers(random))]])
    files = {f"{name}.py": text.encode("utf-8", "surrogatepass")}
    command = random.choices(["check", "backward"], [1, 3])[0]
    if command == "backward":
        return Case([command, word, "--x", as_python(numbers(random))], files)
    return Case([command, word, *shape, *x], files)


def command_line(random: Random) -> Case:
    """A command with options of its own, the values fitting or not."""
    weights = [1 if name in COSTLY else 8 for name in COMMANDS]
    name = random.choices(list(COMMANDS), weights)[0]
    arguments = [name]
    x = numbers(random)
    file = io.BytesIO()
    with np.errstate(over="ignore"):
        np.save(file, x.astype(random.choice(FLOATS)))
    for parameter in built(name).params:
        if parameter.param_type_name == "argument":
            count = random.choice([1, 1, 1, 2, 0]) if parameter.nargs < 0 else 1
            arguments += [value(random, parameter) for _ in range(count)]
            continue
        wanted = 0.95 if parameter.required or parameter.opts[0] == "--x" else 0.12
        if random.random() < wanted:
            arguments.append(random.choice(parameter.opts))
            if not parameter.is_flag:
                arguments.append(value(random, parameter))
    if random.random() < 0.1:
        random.shuffle(arguments)
    return Case(arguments, {"x.npy": file.getvalue()})


def value(random: Random, parameter: Any) -> str:
    """A value of the option or argument, mostly a fitting one."""
    if random.random() < 0.1:
        return random.choice([*RIM, "x.npy", "-", "relu", "x", "é", "a,b", "0,1", "1:2"])
    choices = getattr(parameter.type, "choices", None)
    if choices:
        return str(random.choice([getattr(each, "value", each) for each in choices]))
    kinds = {
        "ARRAY": lambda: random.choice(["x.npy", "1", as_python(numbers(random)), "-2:2:1", "-"]),
        "LAYER": lambda: spec(random),
        "N,M,...": lambda: random.choice(["2,2", "3", "1", "4294967296,4294967296", "0", "2,-1"]),
        "FILE": lambda: output(random),
        "LOW:HIGH": lambda: f"{random.choice(RIM)}:{random.choice(RIM)}",
        "INDEX": lambda: random.choice(["0", "0,1", "-1", "9", "0,0,0"]),
        "SHARE": lambda: random.choice(["10%", "0.5", "0", "-1", "200%"]),
        "TARGET": lambda: random.choice(["torch", "numpy", "torch:cuda", "x.py:f", "jax"]),
        "ADDRESS": lambda: "nowhere",
    }
    metavar = (parameter.metavar or "").strip("[]")
    for name, make in kinds.items():
        if name in metavar:
            return make()
    return random.choice(RIM) if random.random() < 0.5 else str(random.randint(-2, 9))


def output(random: Random) -> str:
    """A file to write to, in the folder, in no folder, or stdout."""
    suffix = random.choice(SUFFIXES)
    return random.choice(
        [f"out.{suffix}", f"out.{suffix}", "-", f"dx=out.{suffix}", f"no/out.{suffix}"]
    )


#: Command lines that broke a rule once; a file stands for its name.
EARLIER_FAULTS = """\
backward squareplus:b=1/3 --x [1,2]
explain silu:beta=1/3
explain prelu:weight=2/1
forward prelu:weight=-1/3 --dtype bfloat16 --x [1,-2]
graph softplus:beta=1/3
explain softshrink:lambd=0/1
forward hardtanh:min_val=-1/3,max_val=3.5 --x [1,-2]
explain hardsigmoid:beta=1e308
graph hard_sigmoid:beta=1e-320
graph hardsigmoid:beta=1e-300 --x 1
explain prelu:weight=1e308
sample softplus:beta=1e308 -n 9
check sparse_sigmoid --x [1e308,-1e308]
verify relu --x [1,2] --out [1,2] --range=-inf,inf -f json
verify hardsigmoid:alpha=1e-300 --flush-subnormals --x [1,2] --out [1,2]
verify gelu relu --x [[],[]] --out [[],[]]
sample --seed -1 -n 3
sample -n 99999999999999999999
sample -n 1000000000000
sample --shape 4294967296,4294967296
forward relu --x 1e400
forward relu --x [1e400,1]
backward prelu --x vast.npy
backward prelu --x empty.npy -f json
forward relu --x empty.npy -f csv
backward softmax --x axes.npy -f csv
backward gelu --x axes.npy -f json
forward relu --x axes.safetensors
forward reglu:axis=10 --x [1,2]
graph geglu glu
graph glu:axis=1
forward softmax:axis=0 --x bits.npy --bits --dtype bfloat16 -o o.npz
backward swiglu:axis=0 --x bits.npy --bits --dtype bfloat16 -o o.npz
backward sparsemax:axis=0 --x bits.npy --bits --dtype bfloat16 -o dx=o.npy
forward relu --x 1 -o out=- -o no/o.npy
forward relu --x 1 -o - -o -
forward relu --x 1 -f npz -o /dev/null
backward x*0xif(2) --x 1
backward (2-x)**1e-320 --x [1,0.5]
graph (2-x)**1e-320 --x 1
backward x**1e-320/(x+x) --x [1,1.7e308]
explain ((2-x)/(1e308-1))**1000
graph 1/(1/(pi-pi)) --x 1
plot ((asin(x)*(x)**1000))**0.5
plot (asin(-1/x))*0
graph (x)if(x>(1e308-2)**1000)else(1) --x 1
forward laplace(x)-log(x)**2 --x -inf
forward x**None --x 1
graph x*None² --x 1
diagnose rrelu:upper=1e308 --x 1
survey numpy --count 4294967296
verify step --run numpy --count 99999999999999999999
verify step --try x --count 99999999999999999999
plot relu --range=1e-320:2e-320
plot relu --range=-1.7e308:1.7e308
explain situ:beta=5e-324
explain elu:alpha=-1e308
verify snake_beta:alpha=1e308,beta=1e20 --x 70968 --out 70968
verify softcap --x [[],[]] --flush-subnormals --try exponential
check softmax --x [0,0.2] --dtype float8_e4m3fn
check situ:beta=1e308 --shape 4294967296,4294967296
diagnose logsigmoid --x -0.13 --shards --layer 4 --output out.html
graph logit sparsemax --x [40658,-1.6e-05,3.2e-301,1.7e+308]
explain (2+(x)if(1e-320<=0.1)else(1))**(-1)
plot (-1/1e308)**(2+logit(x))
backward x**3**3**3**3**3**3**3**3**3**3**3**3**3**3**3**3 --x [0.5,2,1e-5]
plot (x*1e308)**(1e308)**1000
sample --dtype bfloat16 --all -f json
plot ((x*-1)/tan(pi))+erf(x) -f json
explain (((x-x)/(x)**2))**laplace((x+2)) -f json
plot 1e308*x
plot 1e308*x -f html
plot leaky_relu:negative_slope=1e308 -f png
verify gelu --try x --range=-inf:inf --count 9 -f html
verify gelu --try x --range=-1.7e308:1.7e308 --count 9 -f html
survey numpy relu --count 9 --baseline deep.json
diagnose relu --x deep.safetensors
diagnose relu --x number.safetensors
diagnose relu --x 1 --threads 99999999999999999999
verify relu --count 9 --run exits.py:forward
sample snake:alpha=1e308 sigmoid --dtype float64
verify relu --x [1,2] --out [1,2] --max-abs 1e400 -f json
diagnose relu --x 1 --threads 1000
verify exp(exp(exp(x))) --try x --x [9,10.5]
""".splitlines()
EARLIER_FAULTS += [
    f"graph{' relu' * 200} -f json",
    f"graph{' mish' * 40} -f html",
    f"explain {'relu(' * 40}x{')' * 40}",
    f"check x*0.{'3' * 300}",
    f"diagnose relu --x {'x' * 400}",
    f"check {'x' * 400}.py:Layer",
    "plot relu -o t\0.svg",
]
#: JSON that is nested deeper than a parser goes.
DEEP = b"[" * 100_000


def earlier_fault(index: int) -> Case:
    """The command line of EARLIER_FAULTS with that index, and the files that some of them read."""
    x = np.zeros(2, np.float32)
    files = {
        "vast.npy": npy_bytes(x, (2**62, 0)),
        "empty.npy": npy_bytes(x, (10**12, 0)),
        "axes.npy": npy_bytes(x, (1,) * 63 + (2,)),
        "bits.npy": npy_bytes(np.zeros((4, 2), np.uint16), (4, 2)),
        "axes.safetensors": safetensors_bytes(x, [1] * 199 + [2]),
        "deep.json": DEEP,
        "deep.safetensors": len(DEEP).to_bytes(8, "little") + DEEP,
        "number.safetensors": (1).to_bytes(8, "little") + b"5",
        "exits.py": b"def forward(x): raise SystemExit(3)",
    }
    arguments = EARLIER_FAULTS[index].split(" ")
    named = [argument.partition(":")[0] for argument in arguments]
    return Case(arguments, {name: files[name] for name in files if name in named})


KINDS = {
    "literals": literal,
    "files": array_file,
    "expressions": expression,
    "specs": layer_spec,
    "targets": target,
    "commands": command_line,
}
