"""Which statements of a user's file only declare: define a function, a constant, a study and its claims.

The others do something when the file is imported that could reach a run: call a function that may do anything, set an
attribute, loop.
"""

import ast
from collections.abc import Collection, Mapping

from studies.own_code.registrations import registers
from studies.own_code.syntax import bindings, defined, dotted, meaning

_BUILT_IN = {
    "abs", "all", "any", "bool", "classmethod", "dict", "enumerate", "float", "frozenset", "hasattr", "int",
    "isinstance", "len", "list", "map", "max", "min", "print", "property", "range", "repr", "reversed", "round", "set",
    "slice", "sorted", "staticmethod", "str", "sum", "super", "tuple", "zip",
}  # fmt: skip
_METHODS = {"items", "keys", "values", "get", "copy", "format", "join", "lower", "upper", "replace", "split", "strip"}
_LIBRARIES = {
    "abc", "collections", "dataclasses", "enum", "fractions", "functools", "itertools", "litmus", "logging", "math",
    "pathlib", "re", "studies", "typing", "warnings",
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
