"""What a person sees while files are read: a line about the cost, and a bar."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")


def announce(message: str) -> None:
    """Write one line to the error stream."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(message, markup=False)


def tracked(items: Iterable[Item], weights: Sequence[int], title: str) -> Iterator[Item]:
    """Yield `items`, with a bar on a terminal that moves by each one's weight."""
    console = Console(stderr=True)
    columns = (TextColumn(title, markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(title, total=sum(weights))
        for item, weight in zip(items, weights, strict=True):
            yield item
            progress.advance(task, weight)
