"""What the modules of a package register, read from their source: running it would import PyTorch."""

import ast
import importlib.util
from pathlib import Path


def declared(package: str) -> dict[str, dict[str, str]]:
    """Return what the modules of `package` register, by name: a `summary`, and the texts that a class has.

    A function under `@register("name")` has the first line of its docstring as its summary; a class under `@register`
    has its attributes that are texts, `name` and `summary` among them.
    """
    spec = importlib.util.find_spec(package)
    assert spec is not None
    found: dict[str, dict[str, str]] = {}
    for folder in spec.submodule_search_locations or ():
        for file in sorted(Path(folder).glob("*.py")):
            for node in ast.parse(file.read_text()).body:
                found.update(_registered(node))
    return dict(sorted(found.items()))


def _registered(node: ast.stmt) -> dict[str, dict[str, str]]:
    if isinstance(node, ast.FunctionDef):
        summary = (ast.get_docstring(node) or "").partition("\n")[0]
        calls = [each for each in node.decorator_list if isinstance(each, ast.Call) and _is_register(each.func)]
        names = [argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)]
        return {str(name): {"summary": summary} for name in names}
    if isinstance(node, ast.ClassDef) and any(_is_register(each) for each in node.decorator_list):
        texts = {
            target.id: statement.value.value
            for statement in node.body
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
            for target in statement.targets
            if isinstance(target, ast.Name) and isinstance(statement.value.value, str)
        }
        return {texts["name"]: texts} if "name" in texts else {}
    return {}


def _is_register(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "register"
