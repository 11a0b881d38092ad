"""Completion in the shell: the names of layers, parameters and frameworks, and Python files.

The catalogue is read in its source text: importing it would import NumPy.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from typer import _completion_classes, _completion_shared

#: The frameworks whose kernels `verify` and `survey` run.
RUN = ("torch", "jax", "onnxruntime", "numpy", "scipy")
# Bash ends a word at `:` and `=`, so that its own words contain no `NAME:PARAM=`. The script passes
# the whole line; index −1 is its last word. Bash keeps that word up to its last `:` or `=`, so this
# part is removed from the replies.
BASH = """\
%(complete_func)s() {
    local IFS=$'\n' line="${COMP_LINE:0:COMP_POINT}" index=-1
    [[ $line == *[[:space:]] ]] && index=9999
    COMPREPLY=( $( env COMP_WORDS="$line" COMP_CWORD=$index \\
                   %(autocomplete_var)s=complete_bash $1 ) )
    local word="${line##*[[:space:]]}"
    COMPREPLY=( "${COMPREPLY[@]#"${word%%"${word##*[:=]}"}"}" )
    [[ ${#COMPREPLY[@]} == 1 && $COMPREPLY == *[=/] ]] && compopt -o nospace
    return 0
}

complete -o default -F %(complete_func)s %(prog_name)s
"""
# At the first TAB, zsh runs this file as the body of the completion function.
ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" \\
             %(autocomplete_var)s=complete_zsh %(prog_name)s)
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  %(complete_func)s "$@"
else
  compdef %(complete_func)s %(prog_name)s
fi
"""


def install_scripts() -> None:
    """Have `--install-completion` and `--show-completion` give these scripts, not Typer's."""
    _completion_shared._completion_scripts.update(bash=BASH, zsh=ZSH)
    _completion_classes.BashComplete.source_template = BASH
    _completion_classes.ZshComplete.source_template = ZSH


def complete_layer(incomplete: str) -> list[str]:
    """The layers whose names begin with the text; after `NAME:`, the layer's parameters.

    >>> complete_layer("leaky_relu:")
    ['leaky_relu:negative_slope=']
    """
    name, colon, parameters = incomplete.partition(":")
    known = known_layers()
    if not colon:
        return sorted(layer for layer in known if layer.startswith(name))
    given, comma, start = parameters.rpartition(",")
    written = f"{name}:{given}{comma}"
    return [f"{written}{each}=" for each in known.get(name, ()) if each.startswith(start)]


def complete_checked(incomplete: str) -> list[str]:
    """As `complete_layer`, and as `complete_python` where the text is not empty."""
    return complete_layer(incomplete) + (complete_python(incomplete) if incomplete else [])


def complete_framework(incomplete: str) -> list[str]:
    """The frameworks whose names begin with the text."""
    return [name for name in RUN if name.startswith(incomplete)]


def complete_target(incomplete: str) -> list[str]:
    """As `complete_framework`, and as `complete_python`."""
    return complete_framework(incomplete) + complete_python(incomplete)


def complete_python(incomplete: str) -> list[str]:
    """The folders and Python files whose paths begin with the text.

    After `FILE.py:`, the classes and functions of the file, which is read and not run.
    """
    file, colon, beginning = incomplete.partition(".py:")
    if colon:
        names = names_in(Path(f"{file}.py"))
        return [f"{file}.py:{name}" for name in names if name.startswith(beginning)]
    folder, _, start = incomplete.rpartition("/")
    try:
        entries = sorted(Path(folder or ("/" if incomplete[:1] == "/" else ".")).iterdir())
    except OSError:
        entries = []
    return [
        f"{incomplete.removesuffix(start)}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in entries
        if entry.name.startswith(start) and not entry.name.startswith(".")
        if entry.is_dir() or entry.suffix == ".py"
    ]


def names_in(file: Path) -> list[str]:
    """The public classes of a Python file, then its public functions; none if it has no syntax."""
    try:
        body = ast.parse(file.read_text(encoding="utf-8")).body
    except (OSError, SyntaxError, ValueError):
        return []
    return [
        statement.name
        for kind in (ast.ClassDef, ast.FunctionDef)
        for statement in body
        if isinstance(statement, kind) and not statement.name.startswith("_")
    ]


def known_layers() -> dict[str, tuple[str, ...]]:
    """The names of the layers, and the names of each one's parameters."""
    package = find_spec("actgrad.layers")
    layers: dict[str, ast.ClassDef] = {}
    classes: dict[str, ast.ClassDef] = {}
    for folder in map(Path, (package and package.submodule_search_locations) or ()):
        # The files of the catalogue come last: only their classes have names that count.
        for files in (folder.glob("*.py"), (folder / "activations").glob("*.py")):
            layers = {
                statement.name: statement
                for file in files
                for statement in ast.parse(file.read_text(encoding="utf-8")).body
                if isinstance(statement, ast.ClassDef)
            }
            classes |= layers
    return {
        name: tuple(dict.fromkeys(parameters_of(statement, classes)))
        for statement in layers.values()
        for name in stated_name(statement)
    }


def stated_name(statement: ast.ClassDef) -> Iterator[str]:
    """The text that the class body assigns to `name`, if it does."""
    for part in statement.body:
        match part:
            case ast.Assign(targets=[ast.Name("name")], value=ast.Constant(str(name))):
                yield name


def parameters_of(statement: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[str]:
    """The attributes that the class and its bases declare by `NAME: … = parameter(…)`."""
    for base in statement.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from parameters_of(classes[base.id], classes)
    for part in statement.body:
        match part:
            case ast.AnnAssign(target=ast.Name(name), value=ast.Call(func=ast.Name("parameter"))):
                yield name
