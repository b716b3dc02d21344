"""What the studies say: a page for each, made of real records.

    python docs/results.py RUNS [STUDY ...] [--data DATA] [--only-write]

runs what is missing of each study into the folder RUNS, in its quick preset or at the scale that
`docs/results/scales.yaml` gives it, and writes `docs/results/STUDY.md` and the table of all, `docs/results/README.md`.
`discussion.yaml` has what is said of a study beyond its figures. With `--only-write` nothing is run, and a study
without records keeps its page.
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from litmus import studies
from litmus.core.formatting import listed, several
from litmus.design.study import Study
from litmus.design.study_files import STUDIES
from litmus.evidence.claims import MEANING
from litmus.evidence.summary import StudySummary, summarise
from litmus.records.storage import write_atomically
from litmus.records.study_record import STUDY_FILE, read_study_record
from litmus.report.answer import answer_of
from litmus.report.controls import image_counts
from litmus.report.exports import as_markdown, markdown

FOLDER = Path(__file__).with_name("results")
TABLE = FOLDER / "table.json"
"""A line of the table for each study, kept so that one study can be written without the others' records."""
LITMUS = (sys.executable, "-c", "from litmus.cli.main import main; main()")


def main() -> None:
    """Run what is missing and write the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="the folder of records")
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="all by default")
    parser.add_argument("--data", default="data", help="the folder of MNIST/, cifar10/ and imagenette224-4k/")
    parser.add_argument("--only-write", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    for name in arguments.studies or names():
        scale = scale_of(name)
        if not arguments.only_write:
            options = [option.replace("DATA", arguments.data) for option in scale.options]
            subprocess.run([*LITMUS, "run", name, *options, "--name", name, "--out", str(arguments.runs)], check=True)
        if (arguments.runs / name / STUDY_FILE).exists():
            write(name, arguments.runs / name, scale)
            print(FOLDER / f"{name}.md")
    write_table()


def names() -> list[str]:
    """Return the package's studies, without those that files of a user registered."""
    return [name for name in STUDIES.names() if (Path(str(studies.__file__)).parent / f"{name}.py").exists()]


@dataclass(frozen=True)
class Scale:
    """The options of `litmus run` for a study's results, and its data in words where their name does not say it."""

    options: tuple[str, ...] = ()
    data: str | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The preset and the config keys that the options set, without the folder of the data."""
        keys = [option.removeprefix("--") for option in self.options[::2]]
        given = dict(zip(["data.name" if key == "data" else key for key in keys], self.options[1::2], strict=True))
        return {"preset": "quick"} | {key: value for key, value in given.items() if "." in key or key == "preset"}


def scale_of(name: str) -> Scale:
    """Return the scale of a study: its quick preset where `scales.yaml` does not name it."""
    given = texts("scales").get(name)
    return Scale(tuple(shlex.split(given["options"])), given.get("data")) if given else Scale()


def texts(name: str) -> Mapping[str, Any]:
    """Return what a file of `docs/results` says of each study."""
    found: Mapping[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) or {}
    return found


def write(name: str, directory: Path, scale: Scale) -> None:
    """Write the page of a study, and its line of the table."""
    record = read_study_record(directory)
    ran = {"preset": record.preset, **{key: str(value) for key, value in record.settings.items()}}
    if {**ran, "data.root": ""} != {**scale.settings, "data.root": ""}:
        sys.exit(f"{directory} was run with {ran}, and docs/results/scales.yaml says {scale.settings}")
    study = STUDIES[name].at(record.preset)
    summary = summarise(directory, study.claims, study.measures)
    heading, answer, tables = as_markdown(summary).split("\n\n", 2)
    limit, discussion = study.limits.get(record.preset), texts("discussion").get(name, "").strip()
    latest = max(file.stat().st_mtime for file in directory.glob("*/summary.json"))
    parts = [
        heading.replace("## ", "# "),
        answer,
        _how(name, summary, scale),
        tables.strip(),
        f"**Limits.** {markdown(limit)}" if limit else "",
        f"**Beside the source.** {discussion}" if discussion else "",
        f"Source: {markdown(study.source)}." if study.source else "",
        f"*Recorded until {datetime.fromtimestamp(latest, UTC):%Y-%m-%d}; written by `python docs/results.py`.*",
    ]
    write_atomically(FOLDER / f"{name}.md", "\n\n".join(filter(None, parts)) + "\n")
    table = {**_table(), name: _line(study, summary, scale)}
    write_atomically(TABLE, json.dumps(dict(sorted(table.items())), indent=2, ensure_ascii=False) + "\n")


def write_table() -> None:
    """Write the table of all studies."""
    table = _table()
    lines = [
        "# What the studies say",
        "",
        "Each study of the suite, run on two CPU cores at the largest scale that these make in minutes: mostly its "
        "quick preset, on small images. **A verdict holds at its scale**; the page of a study says what the scale "
        "leaves open. Written by `python docs/results.py RUNS` from real records, never by hand; a settled study is "
        "not run again to get another answer.",
        "",
        "| study | question | runs | scale | supported | opposite | smaller | inconclusive |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in names():
        if name not in table:
            lines.append(f"| {name} | {markdown(STUDIES[name].question)} | not run yet | | | | | |")
            continue
        row = table[name]
        verdicts = [str(row["verdicts"].get(verdict, "")) for verdict in MEANING]
        cells = [f"[{name}]({name}.md)", markdown(row["question"]), row["runs"], row["scale"], *verdicts]
        lines.append(f"| {' | '.join(cells)} |")
    write_atomically(FOLDER / "README.md", "\n".join(lines) + "\n")


def _table() -> dict[str, Any]:
    return dict(json.loads(TABLE.read_text())) if TABLE.exists() else {}


def _line(study: Study, summary: StudySummary, scale: Scale) -> dict[str, Any]:
    verdicts = Counter(str(verdict) for verdict in summary.headline)
    return {
        "question": study.question,
        "answer": answer_of(summary),
        "runs": _runs(summary),
        "scale": f"{summary.analysis.study.preset}, {_data(summary, scale)}",
        "verdicts": {verdict: verdicts[verdict] for verdict in MEANING if verdicts[verdict]},
    }


def _how(name: str, summary: StudySummary, scale: Scale) -> str:
    """Return the command, the runs, their time and the data."""
    analysis = summary.analysis
    counts = {state: sum(result.count(state) for result in analysis.arms) for state in ("finished", "diverged")}
    ended = listed([f"{several(count, 'run')} {state}" for state, count in counts.items() if count])
    minutes = analysis.records["seconds"].sum() / 60 if "seconds" in analysis.records else 0.0
    return (
        f"`{shlex.join(['litmus', 'run', name, *scale.options])}`: {_runs(summary)}; {ended}; {minutes:.1f} minutes of "
        f"training on one core each. Data: {_data(summary, scale)} ({image_counts(analysis)})."
    )


def _runs(summary: StudySummary) -> str:
    arms = summary.analysis.arms
    return f"{len(arms)} arms, {several(max(result.planned for result in arms), 'seed')}"


def _data(summary: StudySummary, scale: Scale) -> str:
    return scale.data or " or ".join(map(str, summary.analysis.records["data.name"].dropna().unique()))


if __name__ == "__main__":
    main()
