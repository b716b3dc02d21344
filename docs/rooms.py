"""Who imports whom among the folders, and a picture of it.

    python docs/rooms.py

draws `docs/rooms.svg` anew; a test holds the direction of the imports and that the picture is current.
"""

import ast
import functools
import textwrap
from collections.abc import Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "rooms.svg"

COLUMNS: dict[str, tuple[str, ...]] = {
    "networks": ("litmus.lit_archs.layers", "litmus.lit_archs.building", "litmus.lit_archs.learning", "lit_archs", "litmus.lit_archs.cost"),
    "studies": (
        "litmus.studies.records", "litmus.studies.own_code", "litmus.studies.evidence", "litmus.studies.tracking", "litmus.studies.probes.base",
        "litmus.studies.probes", "litmus.studies.training", "litmus", "litmus.studies.inference", "litmus.studies.report.figures",
        "litmus.studies.report", "litmus.studies.launch",
        "litmus.cli",
        "litmus.cli", "studies",
    ),
    "data": (
        "litmus.datamodules.loading", "litmus.datamodules.image_files", "litmus.datamodules.augmentation", "litmus.datamodules.batches",
        "datamodules",
    ),
}  # fmt: skip
"""The folders from the ground up: each may import those before it, and `litmus`; studies also networks and data."""

Imports = Mapping[str, set[str]]
"""What each imports, by name."""


def modules() -> dict[str, Path]:
    """Return every module of the packages by its dotted name."""
    files = [
        file
        for package in ("litmus", "lit_archs", "datamodules", "studies")
        for file in ROOT.glob(f"{package}/**/*.py")
    ]
    dotted = {file: ".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}
    return {name.removesuffix(".__init__"): file for file, name in dotted.items()}


@functools.cache
def imports_of_modules() -> Imports:
    """Return which modules of the packages each module imports, anywhere in its code."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, file in known.items():
        targets = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inside = {f"{node.module}.{alias.name}" for alias in node.names}
                targets |= inside & known.keys() or {node.module}
        found[name] = (targets & known.keys()) - {name}
    return found


def folder_of(module: str) -> str:
    """Return the folder that a module lies in, dotted; a package's own `__init__` stands above all of its folders."""
    file = modules()[module]
    folder = ".".join(file.relative_to(ROOT).parent.parts)
    return f"{folder}.__init__" if file.name == "__init__.py" and folder == module and "." not in folder else folder


def imports_of_folders() -> Imports:
    """Return which folders each folder imports from."""
    found: dict[str, set[str]] = {}
    for module, targets in imports_of_modules().items():
        here = folder_of(module)
        found.setdefault(here, set()).update({folder_of(target) for target in targets} - {here})
    return found


def may_import() -> Imports:
    """Return which folders each folder may import from."""
    allowed: dict[str, set[str]] = {"litmus": set(), "litmus.__init__": set()}
    for folders in COLUMNS.values():
        package = folders[-1].partition(".")[0]
        others = {"litmus"}
        if package == "studies":
            others |= {folder for column in ("networks", "data") for folder in COLUMNS[column]}
        for index, folder in enumerate(folders):
            allowed[folder] = others | set(folders[:index])
        allowed[f"{package}.__init__"] = others | set(folders)
    return allowed


WIDTH, HEIGHT, GAP, MARGIN, AISLE = 310, 64, 14, 36, 90
"""Pixels: of a box, between boxes of a column, at the edges, and between columns."""
STYLE = """
rect { fill: #fff; stroke: #456 } .name { font-weight: bold; font-size: 13px } .title { font-size: 16px }
path { fill: none; stroke: #89a; marker-end: url(#tip) }
"""


def draw() -> str:
    """Return the picture as SVG: a column for each package, from the ground up, with what each folder is for.

    Arrows go from a folder to those that it imports; those that follow from others are left out.
    """
    floor = 40 + max(map(len, COLUMNS.values())) * (HEIGHT + GAP)
    across = 3 * WIDTH + 2 * AISLE
    parts, places = [_box("litmus", MARGIN, floor, across)], {}
    for column, (title, folders) in enumerate(COLUMNS.items()):
        x = MARGIN + column * (WIDTH + AISLE)
        parts.append(f'<text x="{x}" y="24" class="title">{title}</text>')
        for row, folder in enumerate(folders):
            places[folder] = (x, floor - (row + 1) * (HEIGHT + GAP))
            parts.append(_box(folder, *places[folder], WIDTH))
    for folder, targets in sorted(_shortest(imports_of_folders()).items()):
        parts += [
            _arrow(places[folder], places[target]) for target in sorted(targets & places.keys()) if folder in places
        ]
    size = f"{across + 2 * MARGIN} {floor + HEIGHT + MARGIN}"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif" font-size="11">',
            f"<style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" ',
            'orient="auto"><polygon points="0,0 8,4 0,8" fill="#89a"/></marker></defs>',
            '<rect width="100%" height="100%" style="fill: #f7f9fb; stroke: none"/>',
            *parts,
            "</svg>\n",
        )
    )


def _shortest(imports: Imports) -> Imports:
    """Return the imports without those that follow from others."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for target in imports.get(todo.pop(), set()) - seen:
                seen.add(target)
                todo.append(target)
        return seen

    return {
        folder: {each for each in targets if not any(each in reach(other) for other in targets - {each})}
        for folder, targets in imports.items()
    }


def _box(folder: str, x: int, y: int, width: int) -> str:
    package = ROOT / folder.replace(".", "/") / "__init__.py"
    purpose = (ast.get_docstring(ast.parse(package.read_text())) or "").partition("\n\n")[0].replace("`", "")
    lines = textwrap.wrap(" ".join(purpose.split()), width // 5 - 6)
    words = [f'<text x="{x + 10}" y="{y + 33 + 13 * index}">{escape(line)}</text>' for index, line in enumerate(lines)]
    name = f'<text x="{x + 10}" y="{y + 18}" class="name">{folder.replace(".", "/")}/</text>'
    return f'<rect x="{x}" y="{y}" width="{width}" height="{HEIGHT}" rx="6"/>{name}{"".join(words)}'


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x0, y0), (x1, y1) = start, end
    if x0 == x1 and y1 - y0 < 1.5 * HEIGHT:
        return f'<path d="M{x0 + WIDTH // 2},{y0 + HEIGHT} V{y1}"/>'
    # From the side of the first to the facing side of the second; within a column, around what lies between.
    leaving, arriving = (x0, x1 + WIDTH) if x1 < x0 else (x0 + WIDTH, x1 if x1 > x0 else x1 + WIDTH)
    y0, y1 = y0 + HEIGHT // 2, y1 + HEIGHT // 2
    bend = (leaving + arriving) // 2 if x0 != x1 else leaving + 18 + (y1 - y0) // 12
    return f'<path d="M{leaving},{y0} C{bend},{y0} {bend},{y1} {arriving},{y1}"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw())
