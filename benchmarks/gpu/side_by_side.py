"""Several runs on one device: as processes, with and without MPS, as threads with streams, as seeds in one step."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as processes
from torch import Tensor

from benchmarks.batched_seeds import Batched
from benchmarks.gpu.ledger import Found, Setting, Skip
from benchmarks.gpu.loops import Loop, config_of, endless
from litmus.lit_archs.learning.optimiser import build_optimiser

NETWORK = "ResNet-20"
WARM = 10


def steps_of(setting: Setting) -> int:
    """Return how many steps are timed."""
    return 2 if setting.small else 200


def found(setting: Setting, count: int, seconds: float, alone: float | None) -> Found:
    """Return the throughput of all runs together, over that of one where it is known."""
    rate = count * steps_of(setting) * 128 / seconds
    told = f"{rate:,.0f} images/s together"
    if alone:
        told += f", {rate / alone:.2f} times one run's"
    return Found(None, told, {"runs": count, "images a second": rate, "ratio": rate / alone if alone else None})


def loop_of(setting: Setting, seed: int) -> tuple[Loop, Iterator[Any]]:
    """Return a loop by hand and its batches, warm."""
    loop = Loop.of(setting, config_of(setting, NETWORK, few=True).with_seed(seed))
    loop.network.train()
    batches = endless(loop.data)
    loop.train(next(batches) for _ in range(1 if setting.small else WARM))
    setting.synchronise()
    return loop, batches


def in_processes(setting: Setting, count: int) -> float:
    """Return the seconds from the moment that all processes are warm until the last has done its steps."""
    context = processes.get_context("spawn")
    barrier, queue = context.Barrier(count), context.Queue()
    started = [context.Process(target=_process, args=(setting, seed, barrier, queue)) for seed in range(count)]
    for each in started:
        each.start()
    try:
        spans = [queue.get(timeout=200) for _ in started]
    finally:
        for each in started:
            each.join(timeout=5)
            if each.is_alive():
                each.kill()
    return float(max(end for _, end in spans) - min(begin for begin, _ in spans))


def _process(setting: Setting, seed: int, barrier: Any, queue: Any) -> None:
    torch.set_num_threads(1)
    loop, batches = loop_of(setting, seed)
    barrier.wait(timeout=180)
    begun = time.monotonic()  # one clock for all processes of a machine
    loop.train(next(batches) for _ in range(steps_of(setting)))
    setting.synchronise()
    queue.put((begun, time.monotonic()))


@contextlib.contextmanager
def shared_by_mps() -> Iterator[None]:
    """Let processes share the GPU through NVIDIA's multi-process service; the card's settings stay as they are."""
    program = shutil.which("nvidia-cuda-mps-control")
    if program is None:
        raise Skip("no nvidia-cuda-mps-control on this machine")
    folder = tempfile.mkdtemp(prefix="litmus-mps-")
    paths = {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
    os.environ.update(paths)
    try:
        begun = subprocess.run([program, "-d"], capture_output=True, text=True, timeout=30)
        if begun.returncode:
            raise Skip(f"MPS does not start here: {(begun.stderr or begun.stdout).strip()[:200]}")
        yield
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            subprocess.run([program], input="quit\n", text=True, capture_output=True, timeout=30)
        for name in paths:
            os.environ.pop(name, None)
        shutil.rmtree(Path(folder), ignore_errors=True)


def in_threads(setting: Setting, count: int) -> float:
    """Return the seconds of threads of one process, on a GPU each with a stream of its own."""
    loops = [loop_of(setting, seed) for seed in range(count)]

    def work(loop: Loop, batches: Iterator[Any]) -> None:
        stream = torch.cuda.Stream() if setting.device == "cuda" else None
        with torch.cuda.stream(stream) if stream else contextlib.nullcontext():
            loop.train(next(batches) for _ in range(steps_of(setting)))

    threads = [threading.Thread(target=work, args=each) for each in loops]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    setting.synchronise()
    return time.perf_counter() - started


def in_one_step(setting: Setting, count: int) -> float:
    """Return the seconds of seeds whose networks run in one call, each on batches of its own."""
    loops = [Loop.of(setting, config_of(setting, NETWORK, few=True).with_seed(seed)) for seed in range(count)]
    together = Batched([loop.network.train() for loop in loops])
    optimiser = build_optimiser(together.parameters.values(), loops[0].config.optim)
    batches = [endless(loop.data) for loop in loops]

    def train(steps: int) -> None:
        told: list[Tensor] = []
        for _ in range(steps):
            step = [next(each) for each in batches]
            loss = together.loss(torch.stack([one.images for one in step]), torch.stack([one.labels for one in step]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            told.append(loss.detach())

    train(1 if setting.small else WARM)
    setting.synchronise()
    started = time.perf_counter()
    train(steps_of(setting))
    setting.synchronise()
    return time.perf_counter() - started
