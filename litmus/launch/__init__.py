"""Many runs: on this machine, on SLURM, under torchrun."""
