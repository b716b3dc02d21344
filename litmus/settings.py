"""Settings: values by dotted key, as a user writes them, and as files nest them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from litmus.errors import UserError

Settings = Mapping[str, Any]
"""Values by dotted key, text or typed."""


def parse_value(text: str) -> Any:
    """Return the value that a YAML scalar or flow collection stands for; `1e-3` is a number, as in Python."""
    try:
        return _with_numbers(yaml.safe_load(text))
    except yaml.YAMLError:
        return text


def _with_numbers(value: Any) -> Any:
    # YAML 1.1 takes a number with an exponent for one only where it has a point.
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    is_number = isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value)
    return float(value) if is_number else value


def read_mapping(path: Path, option: str, expected: str) -> dict[str, Any]:
    """Return the mapping that a YAML file holds, which a user named by `option`.

    Raises `UserError` where it cannot be read, or is no mapping, as `expected` says it in words.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UserError(f"{option} {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{option} {path}: not YAML ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(content, dict):
        raise UserError(f"{option} {path}: expected {expected}")
    return content


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
