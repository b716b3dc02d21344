"""Weights & Biases as a mirror of the records: what it is told of a run, live or from the disk. No torch."""
