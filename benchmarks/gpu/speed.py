"""Images a second on the device: the pipelines, the suite against loops by hand, and several runs at once.

    python -m benchmarks.gpu.speed [--device cuda] [--small] [--minutes 9] [--out DIR]

Goals, marked pass or fail on a GPU: a million CIFAR images a second through crop, flip and normalisation; the suite at
0.95 of a plain loop and 0.9 of one with a compiled network and CUDA graphs; five times one ResNet-20's throughput at
batch 128 by runs side by side. The same command goes on where it stopped.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu import loops, side_by_side
from benchmarks.gpu.first_steps import pictures
from benchmarks.gpu.ledger import Check, Found, Setting, conduct
from benchmarks.gpu.side_by_side import found, in_one_step, in_processes, in_threads, shared_by_mps
from benchmarks.gpu.whole_runs import litmus
from litmus import datamodules
from litmus.training.config import use_precision

ROUNDS = 3
_measured: dict[str, float] = {}
"""What this process has measured that later rows are put beside."""


def checks(setting: Setting) -> Iterator[tuple[str, Check]]:
    """Yield the rows."""
    yield "copy within the device's memory", lambda: copy(setting)
    for precision in ("32-true", "tf32", "bf16-mixed"):
        yield f"matrix product in {precision}", lambda precision=precision: product(setting, precision)
    for batch in (128, 1024):
        yield f"pipeline, CIFAR, batches of {batch}", lambda batch=batch: pipeline(setting, 32, batch, "cifar")
    yield "pipeline, 224 pixels, resized crops", lambda: pipeline(setting, 224, 128, "imagenet")
    yield "pipeline, 224 pixels, from the CPU's memory", lambda: pipeline(setting, 224, 128, "none", resident=False)
    for arithmetic in loops.ARITHMETIC:
        for name in list(loops.NETWORKS)[-1:] if setting.small else loops.NETWORKS:
            yield (
                f"{name}, {arithmetic}: suite and plain loop",
                lambda name=name, arithmetic=arithmetic: against_bare(setting, name, arithmetic),
            )
            yield (
                f"{name}, {arithmetic}: suite and CUDA graph",
                lambda name=name, arithmetic=arithmetic: against_graph(setting, name, arithmetic),
            )
    ways: dict[str, Callable[[Setting, int], float]] = {
        "processes": in_processes, "processes with MPS": with_mps, "threads and streams": in_threads,
        "seeds in one step": in_one_step,
    }  # fmt: skip
    for count in (1, 2) if setting.small else (1, 2, 4, 8, 16):
        for way, seconds in ways.items():
            yield f"{count} × ResNet-20, {way}", lambda count=count, seconds=seconds: beside(setting, count, seconds)
    yield "a study of 24 short runs", lambda: short_runs(setting)


def copy(setting: Setting) -> Found:
    """Bytes a second, those read and those written."""
    size = (1 << 26) if setting.small else (1 << 32)
    source = torch.randint(256, (size,), dtype=torch.uint8, device=setting.device)
    target = torch.empty_like(source)
    rate = 2 * size / loops.timed(setting, lambda: target.copy_(source))
    _measured["bandwidth"] = rate
    return Found(None, f"{rate / 1e9:,.0f} GB/s", {"bytes a second": rate})


def product(setting: Setting, precision: str) -> Found:
    """Operations a second of a large product of random matrices: what utilisation is a share of."""
    side = 512 if setting.small else 8192
    kind = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    one, other = (torch.randn(side, side, device=setting.device, dtype=kind) for _ in range(2))
    try:
        use_precision(precision)
        rate = 2 * side**3 / loops.timed(setting, lambda: one @ other)
    finally:
        use_precision("32-true")
    _measured[precision] = rate
    return Found(None, f"{rate / 1e12:,.2f} TFLOP/s", {"operations a second": rate})


def pipeline(setting: Setting, side: int, batch: int, recipe: str, resident: bool = True) -> Found:
    """Images a second of a pass over the training split, and the share of the memory's bandwidth that it takes."""
    count = (600 if side < 100 else 200) if setting.small else (50_000 if side < 100 else 4000)
    data = datamodules.build(pictures(side, count), batch_size=min(batch, count // 2), augment=recipe)
    if setting.device == "cuda":
        if not resident:
            free, torch.cuda.mem_get_info = torch.cuda.mem_get_info, lambda *_: (1, 1)
        try:
            data.move_to(torch.device("cuda"))
        finally:
            if not resident:
                torch.cuda.mem_get_info = free
    elif not resident:
        setting.needs_cuda("a CPU reads its own memory")

    def epoch() -> int:
        return sum(len(each.labels) for each in data.train_epoch(1))

    images = epoch()
    rate = images / loops.timed(setting, epoch)
    pixels = 3 * side * side
    figures: dict[str, Any] = {"images a second": rate}
    told = f"{rate:,.0f} images/s"
    if "bandwidth" not in _measured:
        copy(setting)
    # Each byte read once, each float written once.
    figures["share of bandwidth"] = rate * pixels * 5 / _measured["bandwidth"]
    told += f", {figures['share of bandwidth']:.1%} of the memory's bandwidth"
    goal = side < 100 and setting.device == "cuda" and batch == 128
    return Found(rate >= 1e6 if goal else None, told, figures)


def _rates(setting: Setting, name: str, arithmetic: str, rounds: int, *ways: Callable[..., float]) -> list[float]:
    """Return the images a second of each way: the best of some rounds, in turns, after one of an epoch to warm up."""
    config = loops.config_of(setting, name, arithmetic)
    images = loops.images_of(config)
    if not setting.small:
        for way in ways:
            if way is not loops.graphed:  # which warms up by itself, and takes its time to compile
                way(setting, loops.config_of(setting, name, arithmetic, epochs=1))
    seconds = [[way(setting, config) for way in ways] for _ in range(1 if setting.small else rounds)]
    return [images / min(each) for each in zip(*seconds, strict=True)]


def _utilisation(setting: Setting, name: str, arithmetic: str, rate: float) -> float:
    config = loops.config_of(setting, name, arithmetic)
    if config.trainer.precision not in _measured:
        product(setting, config.trainer.precision)
    return rate * loops.operations(config) / _measured[config.trainer.precision]


def against_bare(setting: Setting, name: str, arithmetic: str) -> Found:
    """The suite over a plain loop on the same batches, with the share of the arithmetic that the device can do."""
    through, alone = _rates(setting, name, arithmetic, ROUNDS, loops.suite, loops.bare)
    share, ratio = _utilisation(setting, name, arithmetic, through), through / alone
    told = f"{through:,.0f} images/s, plain {alone:,.0f}, ratio {ratio:.2f}; model FLOPs utilisation {share:.1%}"
    figures = {"suite": through, "plain": alone, "ratio": ratio, "utilisation": share}
    return Found(ratio >= 0.95 if setting.device == "cuda" else None, told, figures)


def against_graph(setting: Setting, name: str, arithmetic: str) -> Found:
    """The suite over a loop by hand with a compiled network and one CUDA graph a step."""
    setting.needs_cuda("CUDA graphs")
    through, graph = _rates(setting, name, arithmetic, 1, loops.suite, loops.graphed)
    share, ratio = _utilisation(setting, name, arithmetic, graph), through / graph
    told = f"{through:,.0f} images/s, compiled and captured {graph:,.0f} (utilisation {share:.1%}), ratio {ratio:.2f}"
    return Found(ratio >= 0.9, told, {"suite": through, "graph": graph, "ratio": ratio, "utilisation": share})


def with_mps(setting: Setting, count: int) -> float:
    """Return the seconds of processes that share the GPU through MPS."""
    setting.needs_cuda("MPS")
    with shared_by_mps():
        return in_processes(setting, count)


def beside(setting: Setting, count: int, seconds: Callable[[Setting, int], float]) -> Found:
    """The throughput of runs side by side over that of one process."""
    if "alone" not in _measured:
        taken = in_processes(setting, 1)
        _measured["alone"] = side_by_side.steps_of(setting) * 128 / taken
        if count == 1 and seconds is in_processes:
            return found(setting, 1, taken, None)
    result = found(setting, count, seconds(setting, count), _measured["alone"])
    goal = setting.device == "cuda" and count == 16 and seconds is in_processes
    return Found(result.figures["ratio"] >= 5, result.told, result.figures) if goal else result


def short_runs(setting: Setting) -> Found:
    """The wall time of a study of 24 short runs, as the suite packs them, over the sum of what its runs train."""
    seeds = 1 if setting.small else 12
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        done = litmus(
            "vary", "--model", "lenet5", "--data", "digits", "--vary", "model.norm=none,batch", "--seeds", str(seeds),
            "--trainer.epochs", "2" if setting.small else "30", "--accelerator", setting.device, "--out", folder,
        )  # fmt: skip
        wall = time.perf_counter() - started
        if done.returncode:
            return Found(False, done.stderr.strip()[-300:])
        files = list(Path(folder).glob("*/*/summary.json"))
        trained = sum(json.loads(file.read_text())["seconds"] for file in files)
    at_a_time = next((line for line in done.stderr.splitlines() if "at a time" in line), "")
    told = f"{len(files)} runs in {wall:.1f} s, {wall / trained:.2f} of {trained:.1f} s of training; {at_a_time}"
    return Found(None, told, {"wall": wall, "training": trained, "ratio": wall / trained})


if __name__ == "__main__":
    conduct("speed", __doc__, checks)
