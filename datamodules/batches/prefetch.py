"""Batches brought to the device while the one before is being computed on."""

import queue
import threading
from collections.abc import Iterator

import torch
from torch import Tensor

AHEAD = 2


def to_device(batches: Iterator[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Yield `batches` on `device`.

    What already lies there, and what stays on the CPU, passes through. What has to be copied to a GPU is read and
    pinned by a thread, up to two batches ahead, and copied without holding up the device. An error in reading is
    raised where the batch was due.
    """
    if device.type != "cuda":
        yield from batches
        return
    first = next(batches, None)
    if first is None:
        return
    if first.device.type == "cuda":
        yield first
        yield from batches
        return
    yield first.to(device)
    for batch in _ahead(batches):
        yield batch.to(device, non_blocking=True)


def _ahead(batches: Iterator[Tensor]) -> Iterator[Tensor]:
    ready: queue.Queue[Tensor | BaseException | None] = queue.Queue(AHEAD)
    stopped = threading.Event()

    def put(item: Tensor | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def fill() -> None:
        try:
            for batch in batches:
                if not put(batch.pin_memory()):
                    return
            put(None)
        except BaseException as error:
            put(error)

    threading.Thread(target=fill, daemon=True, name="prefetch").start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        # Also where the reader stops in the middle of an epoch.
        stopped.set()
