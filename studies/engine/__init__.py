"""Expand a study into runs, run one, launch many, keep their records, compute their statistics."""
