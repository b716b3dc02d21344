"""Python's syntax trees as text that formatting, comments and docstrings do not change, and the names in them."""

import ast


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
