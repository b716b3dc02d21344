"""Whole runs through the suite on the device: repeated, interrupted, packed, measured by probes, out of memory."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy
import pandas as pd
import torch
import torch.distributed as distributed
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor

from benchmarks.gpu.ledger import Check, Found, Setting
from litmus import datamodules, lit_archs, load_model
from litmus.probes.probe import PROBES
from litmus.training.checkpoints import Paused
from litmus.training.config import resolve
from litmus.training.execute import SynchroniseBatchNorm, attempt
from litmus.training.run import Execution, Place, Run

RUN: dict[str, Any] = {
    "model.name": "resnet_cifar", "model.depth": 8, "model.width": 8, "model.norm": "batch",
    "data.name": "digits", "data.batch_size": 64, "data.augment": "crop",
    "optim.lr": 0.1, "trainer.epochs": 3, "trainer.log_every_n_steps": 5, "trainer.keep": "last",
}  # fmt: skip
"""A run of a few seconds: the quick preset's network."""


def checks(setting: Setting) -> Iterator[tuple[str, Check]]:
    """Yield the rows."""
    networks: dict[str, dict[str, Any]] = {
        "a residual network": {},
        "LeNet-5 with dropout": {
            "model.name": "lenet5", "model.dropout": 0.5, "model.depth": None, "model.width": None,
        },
        "U-Net": {
            "model.name": "unet", "model.depth": 2, "model.width": 4,
            "data.name": "shapes", "data.train_images": 300, "data.test_images": 50,
        },
    }  # fmt: skip
    for name, changes in networks.items():
        yield f"deterministic twice, {name}", lambda changes=changes: twice(setting, changes)
        yield f"interrupted and resumed, {name}", lambda changes=changes: resumed(setting, changes)
    yield "interrupted and resumed, fp16", lambda: resumed(setting, {"trainer.precision": "16-mixed"})
    yield "weights of the device, read on a CPU", lambda: read_on_cpu(setting)
    yield "one process of DDP", lambda: alone_in_ddp(setting)
    for probe in PROBES.names():
        yield f"probe {probe}", lambda probe=probe: probed(setting, probe)
    yield "several runs at a time change no result", lambda: packed(setting)
    yield "copies and waits in a step", lambda: waits(setting)
    yield "memory that runs out", lambda: out_of_memory(setting)


def run_of(folder: Path, changes: Mapping[str, Any]) -> Run:
    """Return the run `RUN` with `changes`, None taking a key away."""
    settings = {key: value for key, value in {**RUN, **changes}.items() if value is not None}
    return Run("0" * 12, "gpu", "an arm", {}, resolve(settings), folder / "run")


def trained(
    setting: Setting,
    changes: Mapping[str, Any],
    device: str | None = None,
    pause: threading.Event | None = None,
) -> tuple[dict[str, Tensor], pd.DataFrame, Path]:
    """Return the last weights, the rows of metrics and the folder of a run on the device."""
    folder = Path(tempfile.mkdtemp(prefix="litmus-gpu-"))
    run = run_of(folder, changes)
    execution = Execution(accelerator=device or setting.device, checkpoint_seconds=0.0)
    if pause is None:
        attempt(run, execution, Place(), lambda beat: None, 1)
    else:
        try:
            attempt(run, execution, Place(), lambda beat: None, 1, pause)
            raise AssertionError("the run ended before it was interrupted")
        except Paused:
            attempt(run, execution, Place(), lambda beat: None, 1)
    weights = torch.load(run.record.checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    return weights, pd.read_csv(run.record.metrics_file), run.directory


def compare(one: tuple[Any, ...], other: tuple[Any, ...]) -> Found:
    """Whether weights and metrics of two runs are the same to the last bit."""
    worst = max(float((one[0][name].double() - other[0][name].double()).abs().max()) for name in one[0])
    same = all(torch.equal(one[0][name], other[0][name]) for name in one[0]) and one[1].equals(other[1])
    told = (
        "equal to the last bit" if same else f"weights differ by up to {worst:.1g}, metrics: {one[1].equals(other[1])}"
    )
    return Found(same, told, {"largest": worst})


def twice(setting: Setting, changes: Mapping[str, Any]) -> Found:
    """The same run twice; what PyTorch cannot do deterministically is named."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = compare(trained(setting, changes), trained(setting, changes))
    refused = sorted({str(each.message).split(" ")[0] for each in said if "deterministic" in str(each.message)})
    told = found.told + (f"; PyTorch warns of {', '.join(refused)}" if refused else "")
    return Found(found.holds, told, {**found.figures, "warned": refused})


def resumed(setting: Setting, changes: Mapping[str, Any]) -> Found:
    """A run that gives way in the middle, and goes on from its checkpoint, against one that was let alone."""
    return compare(trained(setting, changes), trained(setting, changes, pause=AfterLooks(6)))


class AfterLooks(threading.Event):
    """An event that is set once it was looked at so often: a run looks after each step."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def is_set(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def read_on_cpu(setting: Setting) -> Found:
    """A run of the device loads on a CPU and classifies there as its test did."""
    _, _, directory = trained(setting, {})
    model = load_model(str(directory))
    images = torch.randint(256, (16, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        here = model(images)
        there = model.to(setting.device)(images.to(setting.device)).cpu()
    apart = float((here - there).abs().max())
    return Found(apart < 1e-3, f"outputs differ by at most {apart:.1g}", {"largest": apart})


def alone_in_ddp(setting: Setting) -> Found:
    """A Trainer with DDP over one process, synchronised batch norm included, against one without."""
    backend = "nccl" if setting.device == "cuda" else "gloo"

    def last(**options: Any) -> Tensor:
        data = datamodules.build("digits", batch_size=64, seed=0)
        network = lit_archs.build("resnet_cifar", depth=8, width=8, num_classes=10, in_channels=1, image_size=8)
        module = lit_archs.LitClassifier(network, 10, lit_archs.OptimConfig(lr=0.1))
        trainer = lightning.Trainer(
            accelerator="gpu" if setting.device == "cuda" else "cpu", devices=1, max_epochs=2, logger=False,
            deterministic="warn", enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            use_distributed_sampler=False, **options,
        )  # fmt: skip
        trainer.fit(module, datamodule=data)
        return torch.cat([each.detach().double().flatten().cpu() for each in module.parameters()])

    alone = last()
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29613")
    try:
        together = last(
            strategy=DDPStrategy(process_group_backend=backend),
            plugins=[LightningEnvironment(), SynchroniseBatchNorm()],
        )
        used = distributed.get_backend()
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
    apart = float((alone - together).norm() / alone.norm())
    return Found(apart < 1e-3 and used == backend, f"over {used}, weights {apart:.1g} apart", {"distance": apart})


def probed(setting: Setting, name: str) -> Found:
    """What a probe measures at the first step (or of untrained weights, where it measures at the end), and on a CPU."""
    changes = {"trainer.probes": [name], "trainer.epochs": 1, "optim.lr": 1e-6, "trainer.probe_every_n_steps": 1000}
    on_device, on_cpu = (_figures(trained(setting, changes, device)) for device in (setting.device, "cpu"))
    if on_device.keys() != on_cpu.keys():
        return Found(False, f"{len(on_device.keys() ^ on_cpu.keys())} rows are only on one of the two")
    if not on_device:
        return Found(None, "writes no rows of figures")
    apart = {
        row: abs(value - on_cpu[row]) / max(abs(on_cpu[row]), 1e-6)
        for row, value in on_device.items()
        if value == value or on_cpu[row] == on_cpu[row]
    }
    row, worst = max(apart.items(), key=lambda item: item[1], default=("none", 0.0))
    share = sum(value > 1e-2 for value in apart.values()) / max(1, len(apart))
    told = f"{len(apart)} figures, the largest deviation {worst:.1g} ({row}), {share:.1%} above 1 %"
    return Found(share < 0.02, told, {"largest": worst, "share": share})


def _figures(done: tuple[Any, ...]) -> dict[str, float]:
    """Return what probes have written, by name: rows of figures, and arrays such as logits."""
    rows = pd.read_csv(done[2] / "probes.csv", keep_default_na=False, dtype={"layer": str})
    found = {f"{row.step} {row.layer} {row.quantity}": float(row.value) for row in rows.itertuples()}
    for file in done[2].glob("logits.npz"):
        with numpy.load(file) as arrays:
            for name in arrays.files:
                found |= {f"{name} {index}": float(value) for index, value in enumerate(arrays[name].flat)}
    return found


def litmus(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-c", "from litmus.cli.main import main; main()", *arguments, "--wandb", "disabled"]
    root = str(Path(__file__).resolve().parents[2])
    given = {**os.environ, "PYTHONPATH": root, "COLUMNS": "200", **environment}
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=220)


SMALL_STUDY = (
    "vary", "--model", "resnet8", "--model.width", "8", "--data", "digits", "--vary", "model.norm=none,batch",
)  # fmt: skip


def packed(setting: Setting) -> Found:
    """A study, one run at a time and four at a time: equal results."""
    seeds, epochs = ("1", "1") if setting.small else ("3", "2")
    study = (*SMALL_STUDY, "--seeds", seeds, "--trainer.epochs", epochs, "--accelerator", setting.device)
    ways: dict[str, tuple[str, ...]] = {"one": ("--per-device", "1"), "four": ("--per-device", "4")}
    if setting.device == "cpu":
        ways = {"one": ("--workers", "1"), "four": ("--workers", "4")}
    found, seconds, told = {}, {}, ""
    with tempfile.TemporaryDirectory() as folder:
        for way, options in ways.items():
            started = time.monotonic()
            done = litmus(*study, *options, "--out", f"{folder}/{way}")
            if done.returncode:
                return Found(False, f"{way}: {done.stderr.strip().splitlines()[-1]}")
            seconds[way] = time.monotonic() - started
            told = next((line for line in done.stderr.splitlines() if "at a time" in line), "")
            files = sorted(Path(folder, way).glob("*/*/summary.json"))
            found[way] = {file.parent.name: json.loads(file.read_text())["metrics"] for file in files}
    same = all(each == found["one"] for each in found.values()) and len(found["one"]) == 2 * int(seeds)
    times = ", ".join(f"{way} {value:.0f} s" for way, value in seconds.items())
    return Found(same, f"{'equal' if same else 'unequal'} metrics; {times}; {told}", seconds)


def waits(setting: Setting) -> Found:
    """How often a training step waits for the device: what it copies to it, and what it reads from it."""
    setting.needs_cuda("on a CPU nothing waits")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            short, long = ({"trainer.epochs": epochs, "trainer.log_every_n_steps": 1000} for epochs in (1, 3))
            trained(setting, short)
            before = _synchronising(said)
            trained(setting, long)
            after = _synchronising(said)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    steps = 2 * datamodules.build("digits", batch_size=64).steps_per_epoch
    # Both runs have the same start and end: what is left is two epochs with their evaluations.
    each = (after - 2 * before) / steps
    places = sorted({f"{Path(one.filename).name}:{one.lineno}" for one in said if "synchroniz" in str(one.message)})
    return Found(each < 1, f"{each:.2f} a step, evaluations included: {', '.join(places)[:400]}", {"a step": each})


def _synchronising(said: list[warnings.WarningMessage]) -> int:
    return sum("synchroniz" in str(each.message) for each in said)


def out_of_memory(setting: Setting) -> Found:
    """Runs that find a GPU full which they share are repeated with fewer at a time; one that is alone says so."""
    setting.needs_cuda("its memory is filled")
    free = torch.cuda.mem_get_info()[0]
    wide = (
        "train", "--model", "resnet20", "--model.width", "64", "--data", "shapes", "--data.train_images", "1200",
        "--data.test_images", "10", "--data.batch_size", "512", "--trainer.epochs", "1", "--accelerator", "cuda",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        left = 24 << 30
        held = torch.empty(max(0, free - left), dtype=torch.uint8, device="cuda")
        try:
            several = litmus(*wide, "--seeds", "6", "--per-device", "6", "--out", f"{folder}/several")
            del held
            held = torch.empty(max(0, torch.cuda.mem_get_info()[0] - (3 << 29)), dtype=torch.uint8, device="cuda")
            alone = litmus(*wide, "--per-device", "1", "--out", f"{folder}/alone")
        finally:
            del held
            torch.cuda.empty_cache()
    fewer = several.stderr.count("ran out of memory and is repeated")
    clear = "memory ran out with no other run on the device" in alone.stderr
    holds = several.returncode == 0 and fewer > 0 and clear
    told = f"six runs in 24 GiB: exit status {several.returncode}, repeated with fewer {fewer} times; alone: {clear}"
    if not holds:
        told += f"; {several.stderr.strip()[-200:]} | {alone.stderr.strip()[-200:]}"
    return Found(holds, told, {"fewer": fewer})
