"""How a program is asked to give way, and how a job of a cluster says that it did."""

import signal

GIVE_WAY = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
"""Signals at which runs are checkpointed and left: a time limit that is near, preemption, `scancel`, `kill`."""

GO_ON_LATER = 75
"""Exit status of a task that was told to give way and has checkpointed its runs (EX_TEMPFAIL of sysexits.h)."""
