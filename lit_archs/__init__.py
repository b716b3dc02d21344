"""Image networks by name, the LightningModule that trains any of them, their initialisation and their cost."""

from lit_archs.building.registry import build, names

__all__ = ["build", "names"]
