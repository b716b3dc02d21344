"""Optimisers and schedules as their config says."""

import functools

import pytest
import torch

from litmus.core.errors import UserError
from litmus.lit_archs.learning import optimiser
from litmus.lit_archs.learning.optimiser import OptimConfig, build_optimiser, lr_factor


def test_multistep_divides_at_the_milestones() -> None:
    config = OptimConfig(schedule="multistep", milestones=(0.5, 0.75), decay_factor=0.1)
    factors = [lr_factor(step, 64_000, config) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_falls_from_one_to_zero_after_warmup() -> None:
    config = OptimConfig(schedule="cosine", warmup=0.1)
    factors = [lr_factor(step, 1000, config) for step in range(1000)]
    assert factors[:100] == pytest.approx([(step + 1) / 100 for step in range(100)])
    assert factors[100] == 1.0
    assert factors[550] == pytest.approx(0.5)
    assert factors[100:] == sorted(factors[100:], reverse=True)
    assert factors[-1] < 1e-4


def test_impossible_settings_are_refused() -> None:
    cases: list[tuple[dict, str]] = [
        ({"milestones": (0.75, 0.5)}, "milestones must increase"),
        ({"schedule": "plateau", "warmup": 0.1}, "schedule plateau needs a decay_factor below 1 and no warmup"),
        ({"name": "lbfgs"}, "unknown .*'lbfgs'.*valid: sgd, adamw"),
    ]
    for settings, message in cases:
        with pytest.raises(UserError, match=message):
            OptimConfig(**settings)


def test_sgd_and_adamw_have_the_configs_values() -> None:
    parameters = [torch.nn.Parameter(torch.ones(3))]
    sgd = build_optimiser(parameters, OptimConfig(lr=0.2, momentum=0.8, nesterov=True, weight_decay=1e-3))
    assert isinstance(sgd, torch.optim.SGD)
    assert {name: sgd.defaults[name] for name in ("lr", "momentum", "nesterov", "weight_decay")} == {
        "lr": 0.2, "momentum": 0.8, "nesterov": True, "weight_decay": 1e-3,
    }  # fmt: skip
    adamw = build_optimiser(parameters, OptimConfig(name="adamw", lr=0.01, momentum=0.85, weight_decay=0.1))
    assert isinstance(adamw, torch.optim.AdamW)
    assert adamw.defaults["betas"] == (0.85, 0.999)
    assert (adamw.defaults["lr"], adamw.defaults["weight_decay"]) == (0.01, 0.1)


def test_options_reach_the_optimiser() -> None:
    config = OptimConfig(name="adam", options=("eps=1e-6", "amsgrad=true", "betas=[0.8, 0.99]"))
    defaults = build_optimiser([torch.nn.Parameter(torch.ones(3))], config).defaults
    assert (defaults["eps"], defaults["amsgrad"], defaults["betas"]) == (1e-6, True, (0.8, 0.99))
    with pytest.raises(UserError, match=r"'betas': expected 2 values, such as \[0.9, 0.999\]"):
        build_optimiser([torch.nn.Parameter(torch.ones(3))], OptimConfig(name="adam", options=("betas=[0.9]",)))


class OnGpu(torch.nn.Parameter):
    """A parameter that says that it lies on a GPU."""

    is_cuda = True


@pytest.mark.parametrize(
    ("settings", "clipped", "fused"),
    [
        ({}, None, True),
        ({"clip_norm": 1.0}, None, None),  # Lightning refuses to clip after a fused step has unscaled
        ({"name": "nadam"}, None, None),
    ],
)
def test_the_step_is_fused_on_a_gpu_where_nothing_speaks_against_it(
    monkeypatch: pytest.MonkeyPatch, settings: dict, clipped: bool | None, fused: bool | None
) -> None:
    name = settings.get("name", "sgd")
    seen = {}
    original = optimiser._OPTIMISERS[name]

    class Seen(original):  # type: ignore[misc, valid-type]
        __init__ = functools.wraps(original.__init__)(lambda self, parameters, **given: seen.update(given))

    monkeypatch.setitem(optimiser._OPTIMISERS, name, Seen)
    build_optimiser([OnGpu(torch.zeros(2))], OptimConfig(**settings), clipped)
    assert seen.get("fused") is fused
    seen.clear()
    build_optimiser([torch.nn.Parameter(torch.zeros(2))], OptimConfig(**settings), clipped)
    assert "fused" not in seen
