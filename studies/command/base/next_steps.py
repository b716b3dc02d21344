"""What to do next, once a study has its answer: the command that would decide what is open, ready to be pasted."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from litmus.wording import several
from studies.command.base.columns import wrapped
from studies.evidence.undecided import MOST, Undecided

WORTH_IT = 100
"""Seeds of an arm beyond which a number is told and not recommended."""

_REPLACED = ("--seeds", "--until", "--max-seeds", "--max_seeds")


def next_steps(open_questions: Sequence[Undecided], command: Sequence[str], seeds: int, columns: int) -> list[str]:
    """Return what would decide what a study left open, in lines; nothing where nothing is, or no seeds would do.

    `command` is what was typed behind `litmus`, `seeds` how many seeds each arm has.
    """
    if not open_questions:
        return []
    rows = [
        (several(each.seeds, "seed") if each.seeds is not None else f"over {MOST:,} seeds", each.what)
        for each in open_questions
    ]
    room = max(len(number) for number, _ in rows) + 2
    lines = wrapped("Still inconclusive; were the effects those found so far, each arm would need about:", columns)
    for number, what in rows:
        first, *others = wrapped(what, columns - room - 2)
        lines += [f"  {number:<{room}}{first}", *(" " * (room + 2) + other for other in others)]
    within_reach = [each.seeds for each in open_questions if each.seeds is not None and each.seeds <= WORTH_IT]
    if within_reach:
        lines.append(f"next: {_typed(command)} --seeds {max(max(within_reach), seeds + 1)}")
    return lines


def after_training(run: str, folder: Path, is_default: bool, predicts: bool) -> list[str]:
    """Return what there is to do with a run of `litmus train`, in lines; `is_default` says that its study's folder
    lies where it does by default, so that the run is found by its identity, and `predicts` that `litmus predict` knows
    what its network says: of a task of one's own it does not.
    """
    name = run if is_default else shlex.quote(str(folder / run))
    commands = [f"show {name}", *([f"predict {name} IMAGES"] if predicts else []), f"export {name}"]
    return [f"{'      ' if number else 'next: '}litmus {command}" for number, command in enumerate(commands)]


def _typed(command: Sequence[str]) -> str:
    kept, skip = [], False
    for word in command:
        if skip or word.partition("=")[0] in _REPLACED:
            skip = not skip and "=" not in word
            continue
        kept.append(word)
    return shlex.join(["litmus", *kept])
