"""What of a user's files a run depends on, as a hash for each file.

A file's code runs from top to bottom when it is imported, so all of it counts that could reach a run. Left out is what
certainly cannot: definitions that nothing which counts names (in any file, by whatever path), what is registered under
names that the run's config does not have, what is declared by `Study`, `Claim` and their like, and the block under
`if __name__ == "__main__"`. Comments, docstrings and formatting never count.
"""

import ast
import hashlib
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from studies.own_code.effects import Effects
from studies.own_code.local_modules import OURS, LocalCode
from studies.own_code.registrations import registered_names, registrations
from studies.own_code.syntax import bindings, canonical, defined, dotted, mentioned, parsed

DIGITS = 12

_WITHOUT_EFFECT = {
    *sys.stdlib_module_names, *OURS, "lightning", "matplotlib", "numpy", "pandas", "plotly", "scipy", "sklearn",
    "torch", "torchmetrics", "torchvision", "tqdm",
}  # fmt: skip
"""Modules that change nothing in a run by being imported; most are, in any case."""


@dataclass(frozen=True)
class _Part:
    """A piece of a file that counts whole or not.

    It counts where something that counts mentions one of its `names`, and `always` in any case; `any_name` says that it
    may reach definitions without naming them.
    """

    file: str
    text: str
    names: frozenset[str] = frozenset()
    mentions: frozenset[str] = frozenset()
    always: bool = False
    any_name: bool = False


def dependencies(code: LocalCode, named: Collection[str]) -> dict[str, str]:
    """Return a hash of what a run depends on in each file, without those in which it depends on nothing.

    `named` is what the run's config names: its architecture, dataset, probes and whatever else is text in it.
    """
    parts = _parts(tuple(sorted(code.contents.items())))
    reached, counted = set(named), set[int]()
    while new := {
        index for index, part in enumerate(parts) if index not in counted and (part.always or reached & part.names)
    }:
        if any(parts[index].any_name for index in new):
            new = set(range(len(parts)))
        counted |= new
        reached.update(name for index in new for name in parts[index].mentions)
    found: dict[str, list[str]] = {}
    for index in sorted(counted):
        found.setdefault(parts[index].file, []).append(parts[index].text)
    return {file: hashlib.sha256("\n".join(texts).encode()).hexdigest()[:DIGITS] for file, texts in found.items()}


@lru_cache(maxsize=8)
def _parts(contents: tuple[tuple[str, bytes], ...]) -> list[_Part]:
    """Return the parts of files in the order in which they stand there."""
    trees: dict[str, ast.Module] = {}
    found: list[_Part] = []
    for file, content in contents:
        try:
            trees[file] = parsed(content)
        except (SyntaxError, ValueError):
            found.append(_Part(file, hashlib.sha256(content).hexdigest(), always=True))
    local = {file.partition("/")[0].removesuffix(".py") for file, _ in contents}
    effects = Effects(trees, local)
    for file, tree in trees.items():
        found += _Module(file, tree, effects, local).parts()
    return found


class _Module:
    """One file, cut into parts."""

    def __init__(self, file: str, tree: ast.Module, effects: Effects, local: Collection[str]) -> None:
        self._file = file
        self._tree = tree
        self._effects = effects
        self._local = local
        self._bound = bindings(tree)

    def parts(self) -> Iterator[_Part]:
        """Return the file's parts in their order."""
        for statement in self._tree.body:
            if _is_main_guard(statement) or _is_for_types(statement):
                continue
            if isinstance(statement, ast.Import | ast.ImportFrom):
                yield from self._imports(statement)
                continue
            names, effects = defined(statement), self._effects.of(statement, self._bound)
            if registrations(statement, self._bound):
                registered = registered_names(statement, self._bound)
                # One whose names cannot be read may register anything.
                yield self._part([statement], names | (registered or set()), always=registered is None or bool(effects))
                continue
            if names:
                yield self._part([statement], names)
            if effects:
                # `study = Study(base=prepared())` calls a function of the user's, which may do anything.
                yield self._part(effects, frozenset(), always=True)

    def _imports(self, statement: ast.Import | ast.ImportFrom) -> Iterator[_Part]:
        level = getattr(statement, "level", 0)
        module = (statement.module or "") if isinstance(statement, ast.ImportFrom) else ""
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            text = f"import {'.' * level}{module} {alias.name} as {alias.asname}"
            if alias.name == "*" or module == "__future__":
                yield _Part(self._file, text, always=True)
                continue
            top = (module or alias.name).partition(".")[0]
            told = level > 0 or top in self._local or top in _WITHOUT_EFFECT
            # A module that nothing here uses is imported for what it does; what a local one does is told by its code.
            acts = not told and not self._uses(name, statement)
            yield _Part(self._file, text, frozenset({name}), frozenset(alias.name.split(".")), acts)

    def _uses(self, name: str, imported_by: ast.stmt) -> bool:
        return any(name in mentioned(statement) for statement in self._tree.body if statement is not imported_by)

    def _part(self, nodes: Sequence[ast.AST], names: Collection[str], always: bool = False) -> _Part:
        text = "\n".join(canonical(node) for node in nodes)
        mentions = frozenset(name for node in nodes for name in mentioned(node))
        any_name = any(self._finds_any_name(node) for root in nodes for node in ast.walk(root))
        return _Part(self._file, text, frozenset(names), mentions, always, any_name)

    def _finds_any_name(self, node: ast.AST) -> bool:
        """Whether it looks definitions up by names that do not stand there."""
        if isinstance(node, ast.Name):
            return node.id in ("globals", "locals", "vars", "eval", "exec")
        if isinstance(node, ast.Attribute):
            return node.attr in ("__subclasses__", "getmembers") or dotted(node) == "sys.modules"
        if not (isinstance(node, ast.Call) and dotted(node.func) == "getattr" and len(node.args) > 1):
            return False
        module = self._bound.get(dotted(node.args[0]), "")
        local = module.startswith(".") or module.partition(".")[0] in self._local
        return local and not isinstance(node.args[1], ast.Constant)


def _is_main_guard(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare) or statement.orelse:
        return False
    sides = [statement.test.left, *statement.test.comparators]
    return {canonical(side) for side in sides} == _GUARD and isinstance(statement.test.ops[0], ast.Eq)


_GUARD = {canonical(ast.Name("__name__")), canonical(ast.Constant("__main__"))}


def _is_for_types(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    return dotted(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
