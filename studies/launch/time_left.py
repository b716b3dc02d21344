"""How long the runs of a study will still take, arm by arm: an arm of deep networks takes longer than its neighbour."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from studies.records.heartbeat import Heartbeat
from studies.training.run import Run

LEAST_SHARE = 0.005
"""Of a run's steps, which have to be seen before its speed is told."""


@dataclass
class RunAtWork:
    """A run that is being executed, since when, and what was heard of it; times are those of a monotonic clock."""

    run: Run
    since: float
    heartbeat: Heartbeat | None = None
    heard: float = 0.0
    first: tuple[float, float] | None = None
    """When it was heard first, and how much was done by then: much, where it goes on from a checkpoint."""

    def hear(self, heartbeat: Heartbeat, now: float) -> None:
        """Take note of how far it is."""
        if heartbeat == self.heartbeat:
            return  # read from the disk once more
        self.heartbeat, self.heard = heartbeat, now
        if self.first is None:
            self.first = now, heartbeat.fraction

    @property
    def fraction(self) -> float:
        """The share of its steps that is done."""
        return self.heartbeat.fraction if self.heartbeat is not None else 0.0

    @property
    def seconds(self) -> float | None:
        """What the whole run takes at the speed that was seen, None where too little was seen of it."""
        if self.first is None:
            return None
        since, before = self.first
        done = self.fraction - before
        return (self.heard - since) / done if done >= LEAST_SHARE and self.heard > since else None

    def whole(self, seconds: float) -> float:
        """Return what the whole run would have taken, where it took `seconds` from where it was heard first."""
        before = self.first[1] if self.first is not None else 0.0
        return seconds / max(1 - before, 0.05)


class TimeLeft:
    """What is left of `runs`, `workers` of which are executed at a time."""

    def __init__(self, runs: Sequence[Run], workers: int) -> None:
        self.workers = workers
        self.at_work: dict[str, RunAtWork] = {}
        self._arm = {run.run_id: run.arm for run in runs}
        self.planned = {arm: list(self._arm.values()).count(arm) for arm in dict.fromkeys(self._arm.values())}
        self._missing = set(self._arm)
        self._durations: dict[str, list[float]] = defaultdict(list)

    def ended(self, run: Run, seconds: float | None) -> None:
        """`run` is over; it took `seconds` where it was executed here."""
        at_work = self.at_work.pop(run.run_id, None)
        self._missing.discard(run.run_id)
        if seconds is not None:
            self._durations[run.arm].append(at_work.whole(seconds) if at_work is not None else seconds)

    def done(self, arm: str) -> int:
        """Return how many runs of an arm are over."""
        return self.planned[arm] - sum(self._arm[run] == arm for run in self._missing)

    def of_run(self, at_work: RunAtWork, known: dict[str, float] | None = None) -> float | None:
        """Return the seconds that are left of a run at work, None where nothing is known yet."""
        arms = self._seconds_of_arms() if known is None else known
        seconds = at_work.seconds or arms.get(at_work.run.arm)
        return None if seconds is None else seconds * (1 - at_work.fraction)

    def by_arm(self) -> dict[str, float]:
        """Return the seconds that are left of each arm that is not done, the workers shared among all.

        Arms of which nothing has been seen are taken to be like the mean of the others; empty where there are none.
        """
        known = self._seconds_of_arms()
        if not known:
            return {}
        usual = statistics.fmean(known.values())
        left: dict[str, float] = defaultdict(float)
        for run in self._missing:
            arm = self._arm[run]
            at_work = self.at_work.get(run)
            seconds = self.of_run(at_work, known) if at_work is not None else None
            left[arm] += (known.get(arm, usual) if seconds is None else seconds) / self.workers
        return {arm: left[arm] for arm in self.planned if arm in left}

    def total(self) -> float | None:
        """Return the seconds that are left of all runs, None where nothing is known yet or nothing is left."""
        left = self.by_arm()
        if not left:
            return None
        known = self._seconds_of_arms()
        # With fewer runs than workers the longest of them decides.
        longest = max((self.of_run(each, known) or 0.0 for each in self.at_work.values()), default=0.0)
        return max(sum(left.values()), longest)

    def _seconds_of_arms(self) -> dict[str, float]:
        found = {arm: statistics.fmean(seconds) for arm, seconds in self._durations.items()}
        running: dict[str, list[float]] = defaultdict(list)
        for each in list(self.at_work.values()):
            if each.run.arm not in found and each.seconds is not None:
                running[each.run.arm].append(each.seconds)
        return found | {arm: statistics.fmean(seconds) for arm, seconds in running.items()}
