"""How often verdicts, p-values and intervals err where the truth is known: `python -m benchmarks.calibration`."""
