"""What of a user's files a run depends on, as a hash for each file.

A file's code runs from top to bottom when it is imported, so all of it counts that could reach a run. Left out is what
certainly cannot: definitions that nothing which counts names (in any file, by whatever path), what is registered under
names that the run's config does not have, what is declared by `Study`, `Claim` and their like, and the block under
`if __name__ == "__main__"`. Comments, docstrings and formatting never count.
"""

import ast
import hashlib
import importlib.util
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from litmus.records.code_record import MANIFEST, KeptCode, kept_code
from litmus.records.storage import storage_errors, to_json


def canonical(node: ast.AST) -> str:
    """Return a tree as text, the same for all ways to write it.

    `ast.dump` writes the fields that a version of Python happens to have; here those that are empty are left out, which
    those that a later version adds are in what an earlier one could write.
    """
    fields = []
    for name, value in ast.iter_fields(node):
        if name in ("ctx", "type_comment", "kind") or value is None or value == []:
            continue
        fields.append(f"{name}={_written(value)}")
    return f"{type(node).__name__}({', '.join(fields)})"


def parsed(content: bytes) -> ast.Module:
    """Return a file's tree without docstrings, other bare texts and `pass`. Raises SyntaxError and ValueError."""
    tree = ast.parse(content)
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                setattr(node, field, [each for each in body if not _says_nothing(each)])
    return tree


def mentioned(node: ast.AST) -> set[str]:
    """Return every name that a tree could mean something defined elsewhere by: also attributes, and texts."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            found.add(each.id)
        elif isinstance(each, ast.Attribute):
            found.add(each.attr)
        elif isinstance(each, ast.alias):
            found.update(each.name.split("."))
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            found.add(each.value)
    return found


def dotted(node: ast.AST | None) -> str:
    """Return `a.b.c` of an expression that is such a name, else nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = dotted(node.value)
        return f"{above}.{node.attr}" if above else ""
    return ""


def defined(statement: ast.stmt) -> frozenset[str]:
    """Return the names that a statement gives a value; none where it changes anything else, or is no definition."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return frozenset({statement.name})
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    flat = [each for target in targets for each in (target.elts if isinstance(target, ast.Tuple) else [target])]
    names = [each.id for each in flat if isinstance(each, ast.Name)]
    return frozenset(names) if len(names) == len(flat) else frozenset()


def bindings(tree: ast.Module) -> dict[str, str]:
    """Return what the names that a file imports at its top stand for, dotted; relative ones begin with their dots."""
    bound: dict[str, str] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                top = alias.name.partition(".")[0]
                bound[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(statement, ast.ImportFrom):
            base = "." * statement.level + (statement.module or "")
            bound.update({alias.asname or alias.name: f"{base}.{alias.name}" for alias in statement.names})
    return bound


def meaning(node: ast.AST, bound: dict[str, str]) -> str:
    """Return the dotted name of what an expression like `nn.Linear` means by a file's imports, else nothing."""
    first, _, rest = dotted(node).partition(".")
    return f"{bound[first]}.{rest}".rstrip(".") if first in bound else ""


def _written(value: object) -> str:
    if isinstance(value, ast.AST):
        return canonical(value)
    if isinstance(value, list):
        return f"[{', '.join(_written(item) for item in value)}]"
    # 1, 1.0 and True are equal, and different programs.
    return f"{type(value).__name__} {value!r}"


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass)


_REGISTRIES = ("litmus.lit_archs", "litmus.datamodules", "litmus.probes")
"""Packages whose `register` makes something known under a name."""


def registrations(statement: ast.stmt, bound: dict[str, str]) -> list[ast.expr]:
    """Return the decorators of a definition, or the call that a statement is, which register something."""
    return [each for each in _candidates(statement) if registers(each, bound)]


def registers(expression: ast.expr, bound: dict[str, str]) -> bool:
    """Whether it is `register`, `register(...)` or `register(...)(...)` of one of the registries."""
    while isinstance(expression, ast.Call):
        expression = expression.func
    package, _, last = meaning(expression, bound).rpartition(".")
    return last == "register" and any(package == each or package.startswith(f"{each}.") for each in _REGISTRIES)


def registered_names(statement: ast.stmt, bound: dict[str, str]) -> set[str] | None:
    """Return the names that a statement registers; None where its text does not tell them all."""
    names: set[str] = set()
    for found in registrations(statement, bound):
        given = _names_given(found, statement)
        if given is None:
            return None
        names |= given
    return names


def _candidates(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return statement.decorator_list
    value = statement.value if isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign) else None
    return [value] if isinstance(value, ast.Call) else []


def _names_given(found: ast.expr, statement: ast.stmt) -> set[str] | None:
    while isinstance(found, ast.Call) and isinstance(found.func, ast.Call):
        found = found.func  # register("name")(what)
    if not isinstance(found, ast.Call):
        return _name_of_class(statement)
    names = [each.value for each in found.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    # Names come first; what is registered may follow them.
    others = found.args[len(names) :]
    if not names or any(isinstance(each, ast.Constant) for each in others) or len(others) > 1:
        return None
    if any(not isinstance(each, ast.Name | ast.Attribute | ast.Lambda) for each in others):
        return None
    if any(keyword.arg in ("pattern", "name", "names", None) for keyword in found.keywords):
        return None
    return set(names)


def _name_of_class(statement: ast.stmt) -> set[str] | None:
    """Return the constant `name` that a class's body sets, as a probe's does."""
    for node in statement.body if isinstance(statement, ast.ClassDef) else []:
        if isinstance(node, ast.Assign) and [dotted(target) for target in node.targets] == ["name"]:
            value = node.value
            return {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
    return None


_BUILT_IN = {
    "abs", "all", "any", "bool", "classmethod", "dict", "enumerate", "float", "frozenset", "hasattr", "int",
    "isinstance", "len", "list", "map", "max", "min", "print", "property", "range", "repr", "reversed", "round", "set",
    "slice", "sorted", "staticmethod", "str", "sum", "super", "tuple", "zip",
}  # fmt: skip
_METHODS = {"items", "keys", "values", "get", "copy", "format", "join", "lower", "upper", "replace", "split", "strip"}
_LIBRARIES = {
    "abc", "collections", "dataclasses", "enum", "fractions", "functools", "itertools", "litmus", "logging", "math",
    "pathlib", "re", "typing", "warnings",
}  # fmt: skip
"""Whose functions define and compute, and do nothing to what trains."""

_ACTING = ("run", "run_script", "run_command", "load", "register")
"""Those of ours that do more."""

_COMPUTING = (ast.Return, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.If, ast.For, ast.Expr, ast.Raise, ast.Assert)

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


class Effects:
    """Tells what statements of several files do beside defining, knowing the functions that all of them define."""

    def __init__(self, trees: Mapping[str, ast.Module], local: Collection[str]) -> None:
        self._local = local
        self._functions: dict[str, list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, dict[str, str]]]] = {}
        for tree in trees.values():
            bound = bindings(tree)
            for node in tree.body:
                if isinstance(node, _FUNCTIONS):
                    self._functions.setdefault(node.name, []).append((node, bound))
        self._asked: set[str] = set()

    def of(self, statement: ast.stmt, bound: dict[str, str]) -> list[ast.AST]:
        """Return what of a statement may do more than define names: calls in it, or the whole of it.

        A registration is none of it, but a definition under another name.
        """
        value = statement.value if isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign) else None
        if value is not None and registers(value, bound):
            return []
        if isinstance(statement, _FUNCTIONS):
            return self._of_function(statement, bound)
        if isinstance(statement, ast.ClassDef):
            return [statement] if self._class_acts(statement, bound) else []
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and defined(statement):
            return [] if statement.value is None else self._calls(statement.value, bound)
        if isinstance(statement, ast.Expr):
            return [statement] if self._calls(statement.value, bound) else []
        return [statement]

    def _of_function(self, function: ast.FunctionDef | ast.AsyncFunctionDef, bound: dict[str, str]) -> list[ast.AST]:
        if self._decorators_act(function, bound):
            return [function]
        defaults = [each for each in (*function.args.defaults, *function.args.kw_defaults) if each is not None]
        return [call for each in defaults for call in self._calls(each, bound)]

    def _class_acts(self, statement: ast.ClassDef, bound: dict[str, str]) -> bool:
        if statement.keywords or self._decorators_act(statement, bound):
            return True
        if any(self._calls(base, bound) for base in statement.bases):
            return True
        for node in statement.body:
            if isinstance(node, _FUNCTIONS):
                if node.name == "__init_subclass__":
                    return True
            elif not isinstance(node, ast.Assign | ast.AnnAssign) or self.of(node, bound):
                return True
        return False

    def _decorators_act(
        self, definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, bound: dict[str, str]
    ) -> bool:
        decorators = [each for each in definition.decorator_list if not registers(each, bound)]
        return any(self._calls(_as_called(each), bound) for each in decorators)

    def _calls(self, expression: ast.AST, bound: dict[str, str]) -> list[ast.AST]:
        """Return the outermost calls in an expression, run with it, that may do anything."""
        if isinstance(expression, ast.Call) and not self._is_harmless(expression.func, bound):
            return [expression]
        if isinstance(expression, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return [expression]
        children = [child for child in ast.iter_child_nodes(expression) if not isinstance(child, ast.Lambda)]
        return [call for child in children for call in self._calls(child, bound)]

    def _is_harmless(self, function: ast.expr, bound: dict[str, str]) -> bool:
        if isinstance(function, ast.Call):
            return _of_library(function.func, bound)  # measure(UNIT)(function)
        if _of_library(function, bound) or dotted(function).startswith("sys.path."):
            return True
        if isinstance(function, ast.Attribute):
            return function.attr in _METHODS
        if not isinstance(function, ast.Name):
            return False
        origin = bound.get(function.id, ".")
        if not origin.startswith(".") and origin.partition(".")[0] not in self._local:
            return False
        if function.id in self._functions:
            return self._only_compute(function.id)
        return function.id in _BUILT_IN and function.id not in bound

    def _only_compute(self, name: str) -> bool:
        if name in self._asked:
            return True  # it calls itself: its other statements decide
        self._asked.add(name)
        try:
            return all(self._only_computes(function, bound) for function, bound in self._functions[name])
        finally:
            self._asked.discard(name)

    def _only_computes(self, function: ast.FunctionDef | ast.AsyncFunctionDef, bound: dict[str, str]) -> bool:
        if self._of_function(function, bound):
            return False
        waiting: list[ast.stmt] = list(function.body)
        while waiting:
            statement = waiting.pop()
            if isinstance(statement, ast.FunctionDef):
                if self._of_function(statement, bound):
                    return False
                continue
            if not isinstance(statement, _COMPUTING) or _assigns_elsewhere(statement):
                return False
            parts = [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.expr)]
            if any(self._calls(part, bound) for part in parts):
                return False
            waiting += [*getattr(statement, "body", []), *getattr(statement, "orelse", [])]
        return True


def _assigns_elsewhere(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return not defined(statement)
    return isinstance(statement, ast.For) and not isinstance(statement.target, ast.Name | ast.Tuple)


def _as_called(decorator: ast.expr) -> ast.expr:
    return decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])


def _of_library(function: ast.expr, bound: dict[str, str]) -> bool:
    name = meaning(function, bound)
    return name.partition(".")[0] in _LIBRARIES and name.rpartition(".")[2] not in _ACTING


OURS = ("litmus",)
"""Packages whose code is told by its version, be they installed or a checkout."""


@dataclass(frozen=True)
class LocalCode:
    """A user's files as they are at one moment, by their path from the folder that Python finds them in.

    `source` is the path of the file that was named, `paths` says where each lies, `contents` what it holds.
    """

    source: str
    paths: dict[str, Path]
    contents: dict[str, bytes]


def local_code(source: Path) -> LocalCode:
    """Read a file and the local modules that it imports, at its top or anywhere within, and those that they import.

    Found in the source without running it: `import`, `from ... import`, relative imports, the `__init__` of packages,
    and `import_module` of a constant name. Python must be able to find the modules, as it is once the file was run.
    """
    paths, contents = {source.name: source}, {source.name: source.read_bytes()}
    waiting = [(source.name, "")]
    while waiting:
        key, package = waiting.pop()
        for name in imported(contents[key], package):
            file, folders = _found(name)
            if file is None or file.suffix != ".py" or not is_local(file) or file.resolve() == source.resolve():
                continue
            place = name.replace(".", "/") + ("/__init__.py" if folders else ".py")
            if place not in paths:
                paths[place], contents[place] = file, file.read_bytes()
                waiting.append((place, name if folders else name.rpartition(".")[0]))
    return LocalCode(source.name, paths, contents)


def imported(content: bytes, package: str) -> list[str]:
    """Return the dotted name of everything that might be a module which a file in `package` imports."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return []  # imported by nothing that has run
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        for name in _names(node, package):
            parts = name.split(".")
            if parts[0] not in OURS:
                found.update(dict.fromkeys(".".join(parts[: end + 1]) for end in range(len(parts))))
    return list(found)


def is_local(file: Path) -> bool:
    """Whether a file belongs to no installation of Python or of a package."""
    for path in (file.absolute(), file.resolve()):
        if {"site-packages", "dist-packages"} & set(path.parts):
            return False
        if any(path.is_relative_to(folder) for folder in _installations()):
            return False
    return True


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        if base:
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        function, name = node.func, node.args[0].value
        called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        if called in ("import_module", "__import__") and isinstance(name, str) and name and not name.startswith("."):
            yield name


def _found(name: str) -> tuple[Path | None, list[str]]:
    """Return the file of a module, and the folders of what lies within it, without importing what is above it."""
    parent, _, last = name.rpartition(".")
    if not parent:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None, []
        if spec is None:
            return None, []
        return (Path(spec.origin) if spec.origin else None), list(spec.submodule_search_locations or [])
    folders = []
    for folder in _found(parent)[1]:
        package, module = Path(folder, last, "__init__.py"), Path(folder, f"{last}.py")
        if package.is_file():
            return package, [str(package.parent)]
        if module.is_file():
            return module, []
        folders += [str(package.parent)] if package.parent.is_dir() else []
    return None, folders


@lru_cache(maxsize=1)
def _installations() -> tuple[Path, ...]:
    named = [sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders = [Path(folder) for folder in (*named, site.getusersitepackages())]
    return tuple(dict.fromkeys(place for folder in folders for place in (folder.absolute(), folder.resolve())))


DIGITS = 12
GIT_SECONDS = 20


def keep(code: LocalCode, study_directory: Path) -> KeptCode:
    """Copy the files into the study's folder of code, unless this version lies there, and return where they are.

    Beside them lie a manifest, and for each git checkout that holds some of them its difference to its commit.
    """
    kept = kept_code(study_directory, _version(code))
    if kept.manifest_file.is_file():
        return kept
    with storage_errors(kept.path):
        kept.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=kept.path.parent, prefix=f".{kept.path.name}."))
        try:
            for place, content in code.contents.items():
                (temporary / place).parent.mkdir(parents=True, exist_ok=True)
                (temporary / place).write_bytes(content)
            files = {place: str(path) for place, path in code.paths.items()}
            manifest = {"source": code.source, "files": files, "checkouts": _checkouts(code, temporary)}
            (temporary / MANIFEST).write_text(to_json(manifest))
            os.chmod(temporary, 0o755)
            os.rename(temporary, kept.path)
        except OSError:
            if not kept.manifest_file.is_file():  # else another launcher was faster
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return kept


def _version(code: LocalCode) -> str:
    digest = hashlib.sha256()
    for place, content in sorted(code.contents.items()):
        digest.update(f"{place}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()[:DIGITS]


def _checkouts(code: LocalCode, target: Path) -> list[dict[str, str]]:
    """Return the git checkouts that hold the files, with their commits, and write the files' differences to these."""
    by_root: dict[str, list[Path]] = {}
    for path in code.paths.values():
        root = _git(path.parent, "rev-parse", "--show-toplevel").strip()
        if root:
            by_root.setdefault(root, []).append(path)
    found = []
    for number, (root, paths) in enumerate(sorted(by_root.items()), start=1):
        commit = _git(Path(root), "rev-parse", "HEAD").strip()
        if not commit:
            continue  # a checkout without a commit
        entry = {"folder": root, "commit": commit}
        difference = _git(Path(root), "diff", "HEAD", "--", *map(str, paths))
        if difference:
            entry["difference"] = f"difference-{number}.patch" if len(by_root) > 1 else "difference.patch"
            (target / entry["difference"]).write_text(difference)
        found.append(entry)
    return found


def _git(folder: Path, *arguments: str) -> str:
    """Return what git says, nothing where it is not there, or this is no checkout."""
    command = ("git", "-C", str(folder), *arguments)
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=True, timeout=GIT_SECONDS
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


CODE_DIGITS = 12

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
    return {file: hashlib.sha256("\n".join(texts).encode()).hexdigest()[:CODE_DIGITS] for file, texts in found.items()}


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
