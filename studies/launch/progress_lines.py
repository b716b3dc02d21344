"""Progress in words: what is told of a run at work, of all of them, and of the arms, in lines of so many columns."""

from collections.abc import Sequence

from litmus.duration import clock
from litmus.wording import joined
from studies.launch.time_left import RunAtWork, TimeLeft

BAR = 20
"""Characters of a bar; each shows eight parts, so that a bar moves 160 times in a run."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(fraction: float) -> str:
    """Return a bar of `BAR` characters, filled as far as `fraction`; a run that has begun shows some of it."""
    parts = min(8 * BAR, max(int(8 * BAR * fraction), 1 if fraction > 0 else 0))
    full, rest = divmod(parts, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(BAR, "░")


def said_of(at_work: RunAtWork, left: TimeLeft, now: float) -> list[str]:
    """Return what is told of a run at work, part by part."""
    if at_work.heartbeat is None:
        return [f"starting, {clock(now - at_work.since)}"]
    seconds = left.of_run(at_work)
    if at_work.fraction == 1:
        return [*at_work.heartbeat.told(), "testing"]
    return [*at_work.heartbeat.told(), *([f"{clock(seconds)} left"] if seconds is not None else [])]


def summary(states: dict[str, int], total: int, left: TimeLeft, elapsed: float) -> str:
    """Return how far all is: `12 of 60 runs done (1 diverged), 2 at work, 1:12, about 4:30 left`."""
    done = sum(states.values())
    other = ", ".join(f"{count} {state}" for state, count in sorted(states.items()) if state != "finished" and count)
    parts = [f"{done} of {total} {'run' if total == 1 else 'runs'} done{f' ({other})' if other else ''}"]
    parts += [f"{len(left.at_work)} at work", clock(elapsed)]
    seconds = left.total()
    return ", ".join([*parts, *([f"about {clock(seconds)} left"] if seconds is not None else [])])


def run_lines(at_work: RunAtWork, left: TimeLeft, now: float, width: int, brief: bool = False) -> list[str]:
    """Return a run at work in lines: its bar and its name, and unless `brief`, how far it is."""
    head = f"{at_work.fraction:4.0%} ".replace("%", " %") + bar(at_work.fraction)
    first = cut(f"{head}  {at_work.run.name}", width)
    return [first] if brief else [first, *joined(said_of(at_work, left, now), width, indent=6)]


def arm_lines(left: TimeLeft, width: int, most: int) -> list[str]:
    """Return the arms that are not done with the time that is left of each, at most so many lines."""
    seconds = left.by_arm()
    open_arms = [arm for arm in left.planned if left.done(arm) < left.planned[arm]]
    if not seconds or len(open_arms) < 2 or most < 3:
        return []
    shown = open_arms if len(open_arms) <= most - 1 else open_arms[: most - 2]
    rows = [("arm", "done", "left")]
    rows += [(arm, f"{left.done(arm)}/{left.planned[arm]}", clock(seconds.get(arm, 0.0))) for arm in shown]
    figures = [max(len(row[column]) for row in rows) for column in (1, 2)]
    room = width - sum(figures) - 4
    names = min(room, max(len(row[0]) for row in rows))
    lines = [f"{cut(name, names):<{names}}  {done:>{figures[0]}}  {time:>{figures[1]}}" for name, done, time in rows]
    return lines + ([f"and {len(open_arms) - len(shown)} more arms"] if len(shown) < len(open_arms) else [])


def screen(head: str, left: TimeLeft, now: float, width: int, height: int) -> list[str]:
    """Return all that a terminal of that size shows while runs are executed."""
    lines = joined(head.split(", "), width)
    running = list(left.at_work.values())
    room = max(1, height - len(lines) - 2)
    full = [run_lines(each, left, now, width) for each in running]
    if sum(map(len, full)) <= room:
        lines += [line for each in full for line in each]
    else:
        shown = running if len(running) <= room else running[: room - 1]
        lines += [line for each in shown for line in run_lines(each, left, now, width, brief=True)]
        if len(shown) < len(running):
            lines.append(f"and {len(running) - len(shown)} more at work")
    arms = arm_lines(left, width, height - len(lines) - 2)
    return [*lines, *(["", *arms] if arms else [])]


def in_one_line(running: Sequence[RunAtWork], left: TimeLeft, now: float, most: int = 1) -> list[str]:
    """Return a line for each of the first runs at work, and one for how many more there are."""
    lines = [f"{each.run.name}: {', '.join(said_of(each, left, now))}" for each in running[:most]]
    return lines + ([f"and {len(running) - most} more"] if len(running) > most else [])


def cut(text: str, width: int) -> str:
    """Return `text`, its end left out where it is longer than `width`."""
    return text if len(text) <= width else text[: width - 1] + "…"
