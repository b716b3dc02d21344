"""The processes that somebody else started to train one run together: `torchrun`, or SLURM on several nodes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from litmus.errors import UserError


@dataclass(frozen=True)
class Team:
    """This process's place among those that were started: its `rank` of `size`, `local_rank` on its node."""

    rank: int
    size: int
    local_rank: int
    node: int
    nodes: int

    @property
    def devices_per_node(self) -> int:
        """Processes on each node."""
        return self.size // self.nodes


def torchrun_team(environment: Mapping[str, str] = os.environ) -> Team | None:
    """Return the team that `torchrun` started this process in; None where it did not, or alone.

    Raises `UserError` for nodes with different numbers of processes.
    """
    if "TORCHELASTIC_RUN_ID" not in environment or int(environment["WORLD_SIZE"]) == 1:
        return None
    size, per_node = int(environment["WORLD_SIZE"]), int(environment["LOCAL_WORLD_SIZE"])
    if size % per_node:
        raise UserError(f"torchrun: {size} processes are not the same number on each node")
    rank = int(environment["RANK"])
    return Team(rank, size, int(environment["LOCAL_RANK"]), rank // per_node, size // per_node)


def slurm_team(environment: Mapping[str, str] = os.environ) -> Team | None:
    """Return the team of this process in a step of SLURM; None where it is alone in it."""
    size = int(environment.get("SLURM_STEP_NUM_TASKS", environment.get("SLURM_NTASKS", "1")))
    if size == 1 or "SLURM_PROCID" not in environment:
        return None
    nodes = int(environment.get("SLURM_STEP_NUM_NODES", environment.get("SLURM_NNODES", "1")))
    return Team(
        int(environment["SLURM_PROCID"]),
        size,
        int(environment["SLURM_LOCALID"]),
        int(environment["SLURM_NODEID"]),
        nodes,
    )
