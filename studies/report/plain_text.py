"""Names that a user chose, as text in files of other kinds: Markdown, LaTeX, spreadsheets."""

import re
import unicodedata

import pandas as pd

_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
"""Marks that turn the direction of what follows, in which a name could hide what it is."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "–": "--", "−": "$-$", "×": r"$\times$", "…": r"\ldots{}",
    "±": r"$\pm$", "∞": r"$\infty$", "²": r"\textsuperscript{2}", "ε": r"$\varepsilon$", "η": r"$\eta$", "\u00a0": "~",
    "`": r"\textasciigrave{}",
}  # fmt: skip


def one_line(text: str) -> str:
    """Return a text on one line, without marks that control its direction or the terminal."""
    kept = _DIRECTION.sub("", text)
    return " ".join("".join(" " if unicodedata.category(each) == "Cc" else each for each in kept).split())


def markdown(text: str) -> str:
    """Return a text that Markdown, in a table too, shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>|~#&$!])", r"\\\1", one_line(text))


def latex(text: str) -> str:
    """Return a text that LaTeX sets as it is."""
    line = one_line(text)
    # Behind the end of a table's row, \\, these would be its arguments.
    guard = "{}" if line.startswith(("[", "*")) else ""
    return guard + "".join(_LATEX.get(each, each) for each in line)


def spreadsheet(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts no spreadsheet takes for formulas: an apostrophe stands before those that it would.

    Source: OWASP, CSV Injection.
    """
    safe = frame.copy()
    for name in frame:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            safe[name] = pd.Series([_harmless(value) for value in frame[name]], index=frame.index, dtype=object)
    return safe


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
