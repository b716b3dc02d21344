"""Statements of a user's file that make an architecture, a dataset or a probe known under a name."""

import ast

from studies.own_code.syntax import dotted, meaning

_REGISTRIES = ("lit_archs", "datamodules", "studies.probes")
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
