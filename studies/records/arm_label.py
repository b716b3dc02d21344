"""What an arm is called, made of the levels that it sets; the one place that makes such names."""

from litmus.settings import Settings


def arm_label(levels: Settings) -> str:
    """Return what an arm of these levels is called: `norm batch, lr 0.1`; empty for none."""
    return ", ".join(f"{short_name(key)} {level}" for key, level in levels.items())


def short_name(factor: str) -> str:
    """Return a factor's name without its section: `norm` of `model.norm`."""
    return factor.rpartition(".")[2]
