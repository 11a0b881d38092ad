"""The catalogue of layers, and `leaky_relu:negative_slope=0.1` read as one of them."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from importlib import import_module

from actgrad.layers.activations.signature import (
    MODULES,
    Binding,
    Signature,
    Value,
    own_arguments,
    signatures,
)
from actgrad.layers.arrays import ARRAY_FILES
from actgrad.layers.errors import ParameterError, UnknownLayerError
from actgrad.layers.formula import Node
from actgrad.layers.layer import Layer
from actgrad.layers.parameter import Number, Setting, unknown_parameter

#: `NAME`, `NAME(ARGUMENTS)` or either with `:PARAM=VALUE,…` after it.
SPEC = r"(?s)([^(:]*)(\(.*\))?(?::(.*))?"
#: What only an expression has: its input x, an operator, or a bracket that follows one.
EXPRESSION = r"\bx\b|[*+^√|π⁰¹²³⁴-⁹]|[(<>/-].*\bx\b"
#: An operation that no name has before its arguments and parameters, or a bracket in front.
OPERATION = r"[^(:]*[*^+/√|π]|\("
#: Two names are near if difflib finds this ratio of common characters: one letter in four differs.
NEAR = 0.75


#: Where the catalogue's layers are defined: every class in these files that states a `name`. The
#: first are the first to be imported, for one layer needs no other family.
FAMILIES = (
    "piecewise",
    "exponential",
    "self_gated",
    "softmax",
    "clipped",
    "exponential_linear",
    "gated",
    "leaky",
    "maxout",
    "periodic",
    "rational",
    "saturating",
)


def catalogue() -> list[type[Layer]]:
    """Every layer class of the catalogue, by name; a class from elsewhere never joins it."""
    classes = {cls for family in FAMILIES for cls in _members(family)}
    return sorted(classes, key=lambda cls: cls.name)


@cache
def _members(family: str) -> tuple[type[Layer], ...]:
    """The layer classes that the file of a family defines."""
    members = vars(import_module(f"actgrad.layers.activations.{family}")).values()
    classes = (each for each in members if isinstance(each, type) and issubclass(each, Layer))
    return tuple(cls for cls in classes if "name" in vars(cls))


def find(name: str) -> type[Layer]:
    """The layer class of that name, in the catalogue or in another framework.

    Names ignore case, `-` and `_`. `torch.nn.LeakyReLU`, `F.leaky_relu` and
    `jax.nn.gelu(approximate=False)` are names too.

    Raises:
        UnknownLayerError: there is none, or frameworks disagree on it.
        ParameterError: the arguments in parentheses do not fit.
    """
    return meaning(name).cls


def layer(spec: str) -> Layer:
    """The layer that `NAME`, `NAME:PARAM=VALUE[,PARAM=VALUE…]` or an expression in x describes.

    An expression may call the layers of the catalogue: "x*sigmoid(1.702*x)".

    Raises:
        UnknownLayerError: no layer has that name, or frameworks disagree on it.
        ParameterError: a parameter is unknown, missing, given twice, not a number or outside its
            domain.
        ExpressionError: it is an expression that cannot be read.
    """
    # The name of a file may look like an expression: x.npy.
    may_be_formula = re.search(EXPRESSION, spec) and not spec.lower().endswith(ARRAY_FILES)
    if not (may_be_formula and re.match(OPERATION, spec)):
        try:
            return named_layer(spec)
        except UnknownLayerError:
            if not may_be_formula:
                raise
    # Imported here, because it imports mpmath.
    from actgrad.layers.activations.expression import Expression

    return Expression(spec, own_names())


def formula_of(text: str, numbers: Mapping[str, Number]) -> Callable[[Node], Node]:
    """The formula that an expression states, with numbers for its parameters.

    Raises:
        ExpressionError: it is no expression in x.
    """
    from actgrad.layers.activations.expression import layer_word
    from actgrad.layers.formula import read_formula

    return read_formula(text, numbers, {name: layer_word(cls) for name, cls in own_names().items()})


def named_layer(spec: str) -> Layer:
    """The layer that `NAME` or `NAME:PARAM=VALUE[,PARAM=VALUE…]` describes.

    A name of another framework has that framework's default parameters: `onnx.HardSigmoid` is
    `hardsigmoid:alpha=0.2`. `find` says what a name may be.

    Raises:
        UnknownLayerError: no layer has that name, or frameworks disagree on it.
        ParameterError: a parameter is unknown, missing, given twice, not a number or outside its
            domain.
    """
    match = re.fullmatch(SPEC, spec)
    if match is None:
        raise unknown(spec)
    name, arguments, parameters = match.groups()
    bound = meaning(name + (arguments or ""))
    values = parameter_values(bound.cls, parameters)
    for parameter, argument in bound.missing.items():
        # Where the layer has no default itself, its constructor says what is missing.
        if parameter not in values and bound.cls.parameters[parameter].default is not None:
            usage = ", ".join(f"{missing}=…" for missing in bound.missing.values())
            raise ParameterError(f"{name} needs {argument}", f"write {name}({usage})")
    return bound.cls(**{**bound.values, **values})


def names_elsewhere(cls: type[Layer]) -> dict[str, str]:
    """By framework, the call there that gives this layer with the catalogue's defaults.

    >>> names_elsewhere(find("hardsigmoid"))["ONNX"]
    'HardSigmoid(alpha=1/6)'
    """
    return {framework: signatures(cls, framework)[0].equivalent for framework in cls.elsewhere}


def meaning(text: str) -> Binding:
    """The layer class that a name or a call means, and the parameters that it gives.

    The first of these that fits: the catalogue's own name; a framework's name in its exact
    spelling; then both again without regard to case, `-` and `_`.

    Raises:
        UnknownLayerError: there is none, or frameworks disagree on it.
        ParameterError: the arguments in parentheses do not fit.
    """
    for cls in (cls for family in FAMILIES for cls in _members(family)):
        if text == cls.name or text in cls.aliases:
            return Binding(cls, {}, {})
    name, positional, keywords = call(text)
    errors: list[ParameterError] = []
    incomplete: list[Binding] = []
    for group in readings(name):
        complete: dict[str, tuple[Signature, Binding]] = {}
        for signature in group:
            try:
                bound = signature.bind(positional, keywords)
            except ParameterError as error:
                errors.append(error)
                continue
            if bound.missing:
                incomplete.append(bound)
            else:
                complete.setdefault(str(bound.cls(**bound.values)), (signature, bound))
        if len({signature.path for signature, _ in complete.values()}) == 1:
            # Of the layers that one function of a framework is, the most special one.
            return min(complete.values(), key=lambda each: len(each[1].values))[1]
        # Where frameworks disagree on a name of the catalogue, it is the catalogue's.
        if complete and plain(name) not in map(plain, own_names()):
            usages = " or ".join(signature.usage for signature, _ in complete.values())
            message = f"{text} is the name of several layers"
            raise UnknownLayerError(text, message, f"write {usages}")
        if incomplete and "." in name:
            break
    if incomplete:
        return incomplete[0]
    raise errors[0] if errors else unknown(text)


def readings(name: str) -> Iterator[list[Signature]]:
    """The signatures that a name may stand for, those that are meant first in groups."""
    module, _, last = name.rpartition(".")
    foreign = [signature for signature in elsewhere() if within(module, signature.module)]
    own = [] if module else catalogued()
    for spelling in (str, plain):
        for known in (own, foreign):
            yield [each for each in known if spelling(each.name) == spelling(last)]


@cache
def elsewhere() -> tuple[Signature, ...]:
    """Every layer under each of its names in other frameworks."""
    return tuple(
        signature
        for cls in catalogue()
        for framework in MODULES
        for signature in signatures(cls, framework)
    )


def catalogued() -> list[Signature]:
    """Every layer under its own name and aliases."""
    return [Signature(cls, "", name, own_arguments(cls)) for name, cls in own_names().items()]


def own_names() -> dict[str, type[Layer]]:
    """Every layer class by its name and aliases in the catalogue."""
    return {name: cls for cls in catalogue() for name in (cls.name, *cls.aliases)}


def within(qualifier: str, module: str) -> bool:
    """Whether `nn`, `F`, `keras` or the like in front of a name means that module.

    `nn` alone is not TensorFlow's. Nothing in front stands for every module.
    """
    if not qualifier:
        return True
    qualifier = {"F": "functional"}.get(qualifier, qualifier)
    qualifier = re.sub(r"^tensorflow\b", "tf", qualifier)
    qualifier = re.sub(r"^np\b", "numpy", qualifier)
    qualifier = re.sub(r"^tf\.(?=keras)", "", qualifier)
    qualifier = re.sub(r"^(nn\.)?(?=functional)", "torch.nn.", qualifier)
    if module == MODULES["TensorFlow"]:
        return f"{module}.".startswith(f"{qualifier}." if qualifier else "")
    return (
        f".{module}.".endswith(f".{qualifier}." if qualifier else "")
        or f"{module}.".startswith(f"{qualifier}.")
        or f"{qualifier}.".startswith(f"{module}.")
    )


def plain(name: str) -> str:
    """The name as it is compared: without case, `-` and `_`."""
    return name.casefold().replace("-", "").replace("_", "")


def call(text: str) -> tuple[str, list[Value], dict[str, Value]]:
    """The name, the positional and the keyword arguments of `GELU(approximate='tanh')`.

    Raises:
        UnknownLayerError: it is no call with literals as arguments.
    """
    name, parenthesis, rest = text.partition("(")
    if not parenthesis:
        return name, [], {}

    def literal(node: ast.expr) -> Value:
        match node:
            case ast.BinOp(ast.Constant(int(over)), ast.Div(), ast.Constant(int(under))):
                return Fraction(over, under)
        value: Value = ast.literal_eval(node)
        return value

    try:
        with warnings.catch_warnings(action="ignore"):  # such as that 0x is a strange number
            tree = ast.parse(f"call({rest}", mode="eval").body
        match tree:
            case ast.Call(ast.Name(), positional, keywords):
                named = {str(keyword.arg): literal(keyword.value) for keyword in keywords}
                return name, [literal(node) for node in positional], named
    except (SyntaxError, ValueError, TypeError, ZeroDivisionError, RecursionError, MemoryError):
        pass
    raise unknown(text)


def unknown(name: str) -> UnknownLayerError:
    """The error for a name that no layer has, with the nearest name where one is near."""
    from difflib import get_close_matches

    module, _, last = name.partition("(")[0].rpartition(".")
    own = {} if module else {plain(known): cls.name for known, cls in own_names().items()}
    known = {
        plain(each.name): each.path if module else each.cls.name
        for each in reversed(elsewhere())
        if within(module, each.module)
    } | own
    word = plain(last)
    swapped = [name for name in known if sorted(name) == sorted(word)]
    close = swapped or get_close_matches(word, known, n=1, cutoff=NEAR)
    hint = f"did you mean {known[close[0]]}?" if close else "actgrad layers lists them"
    return UnknownLayerError(name, f"no layer is called {name!r}", hint)


def parameter_values(cls: type[Layer], text: str | None) -> dict[str, Setting]:
    """The values that `PARAM=VALUE[,PARAM=VALUE…]` gives to parameters of that class.

    `1/6` is that fraction.

    Raises:
        ParameterError: a parameter is unknown, given twice or not a number.
    """
    values: dict[str, Setting] = {}
    for pair in () if text is None else text.split(","):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals):
            name = next(iter(cls.parameters), "")
            hint = f"write {cls.name}:{name}=NUMBER" if name else f"{cls.name} takes none"
            raise ParameterError(f"{cls.name}: {pair!r} is no parameter", hint)
        if key not in cls.parameters:
            raise unknown_parameter(cls.name, cls.parameters, key)
        if key in values:
            raise ParameterError(f"{cls.name}: {key} is given twice")
        if cls.parameters[key].choices:
            values[key] = value
            continue
        try:
            values[key] = Fraction(value) if "/" in value else float(value)
        except (ValueError, ZeroDivisionError):
            message = f"{cls.name}: {key} is {value!r}, which is not a number"
            raise ParameterError(message) from None
    return values
