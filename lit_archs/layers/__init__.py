"""Layers that several families share: norms, activations, residual branches, squeeze-and-excitation."""
