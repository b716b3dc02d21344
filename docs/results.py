"""What the studies say: a page for each, made of real records.

    python docs/results.py RUNS [STUDY ...] [--data DATA]

runs what is missing of each study, at the scale that `docs/results/scales.yaml` gives it and in its quick preset where
it gives none, into the folder RUNS, and writes `docs/results/STUDY.md` and the table of all, `docs/results/README.md`.
What is said about a study beyond its figures stands in `docs/results/discussion.yaml`, what was wrong with it once in
`docs/results/mended.yaml`. With `--only-write` nothing is
run: what has no records keeps the page that it has.
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
from litmus.records.study_record import FILE, read_study_record
from litmus.report.answer import answer_of
from litmus.report.controls import image_counts
from litmus.report.exports import as_markdown, markdown

FOLDER = Path(__file__).with_name("results")
TABLE = FOLDER / "table.json"
"""What the table of all says of each study, kept so that one study can be written anew."""
LITMUS = (sys.executable, "-c", "from litmus.cli.main import main; main()")


def names() -> list[str]:
    """Return the package's studies, without those that files of a user registered."""
    return [name for name in STUDIES.names() if (Path(str(studies.__file__)).parent / f"{name}.py").exists()]


def main() -> None:
    """Run what is missing and write the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="the folder of records")
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="all by default")
    parser.add_argument(
        "--data", type=Path, default=Path("data"), help="the folder of MNIST/, cifar10/ and imagenette224-4k/"
    )
    parser.add_argument("--only-write", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    for name in arguments.studies or names():
        scale = scale_of(name)
        if not arguments.only_write:
            options = [option.replace("DATA", str(arguments.data)) for option in scale.options]
            subprocess.run([*LITMUS, "run", name, *options, "--out", str(arguments.runs)], check=True)
        if (arguments.runs / name / FILE).exists():
            write(name, arguments.runs / name, scale)
            print(FOLDER / f"{name}.md")
    write_table()


@dataclass(frozen=True)
class Scale:
    """The options of `litmus run` for a study's results, and its data in words where their name does not say it."""

    options: tuple[str, ...] = ()
    data: str | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The preset and the config keys that the options set."""
        given = {
            {"data": "data.name"}.get(key, key): value
            for key, value in zip(
                (each.removeprefix("--") for each in self.options[::2]), self.options[1::2], strict=True
            )
        }
        return {"preset": "quick", **{key: value for key, value in given.items() if "." in key or key == "preset"}}


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
    if _without_root(ran) != _without_root(scale.settings):
        sys.exit(f"{directory} was run with {ran}, and docs/results/scales.yaml says {scale.settings}")
    study = STUDIES[name].at(record.preset)
    summary = summarise(directory, study.claims, study.measures)
    heading, _, rest = as_markdown(summary).partition("\n\n")
    answer, _, tables = rest.partition("\n\n")
    parts = [heading.replace("## ", "# "), answer, _scale(name, summary, scale), tables.strip()]
    limit = study.limits.get(summary.analysis.study.preset)
    parts += [f"**Limits.** {markdown(limit)}"] if limit else []
    discussion = texts("discussion").get(name, "").strip()
    parts += [f"**Beside the source.** {discussion}"] if discussion else []
    parts += [f"Source: {markdown(study.source)}." if study.source else "", f"*{_written(directory)}*"]
    write_atomically(FOLDER / f"{name}.md", "\n\n".join(part for part in parts if part) + "\n")
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    table[name] = _line(study, summary, scale)
    write_atomically(TABLE, json.dumps(dict(sorted(table.items())), indent=2, ensure_ascii=False) + "\n")


def write_table() -> None:
    """Write the table of all studies."""
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
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
        row = table.get(name)
        if row is None:
            lines.append(f"| {name} | {markdown(STUDIES[name].question)} | not run yet | | | | | |")
            continue
        verdicts = " | ".join(str(row["verdicts"].get(verdict, "")) for verdict in MEANING)
        lines.append(
            f"| [{name}]({name}.md) | {markdown(row['question'])} | {row['runs']} | {row['scale']} | {verdicts} |"
        )
    lines += ["", "## What was wrong, and what it shows now", ""]
    for name, (wrong, mended) in texts("mended").items():
        answer = f" *{markdown(table[name]['answer'])}*" if name in table else ""
        lines.append(f"- **{name}.** In an earlier version: {wrong[:1].lower()}{wrong[1:]} Now: {mended}{answer}")
    write_atomically(FOLDER / "README.md", "\n".join(lines) + "\n")


def _without_root(settings: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in settings.items() if key != "data.root"}


def _line(study: Study, summary: StudySummary, scale: Scale) -> dict[str, Any]:
    analysis = summary.analysis
    verdicts = Counter(str(verdict) for verdict in summary.headline)
    return {
        "question": study.question,
        "answer": answer_of(summary),
        "runs": f"{len(analysis.arms)} arms, {_seeds(summary)}",
        "scale": f"{analysis.study.preset}, {_data(summary, scale)}",
        "verdicts": {verdict: verdicts[verdict] for verdict in MEANING if verdicts[verdict]},
    }


def _scale(name: str, summary: StudySummary, scale: Scale) -> str:
    analysis = summary.analysis
    ended = [
        several(count, "run") + f" {state}"
        for state in ("finished", "diverged")
        if (count := sum(result.count(state) for result in analysis.arms))
    ]
    seconds = sum(analysis.records["seconds"].dropna()) if "seconds" in analysis.records else 0.0
    command = shlex.join(["litmus", "run", name, *scale.options])
    return (
        f"`{command}`: {len(analysis.arms)} arms, {_seeds(summary)}; "
        f"{listed(ended, 4)}; "
        f"{seconds / 60:.1f} minutes of training on one core each. "
        f"Data: {_data(summary, scale)} ({image_counts(analysis)})."
    )


def _seeds(summary: StudySummary) -> str:
    return several(max(result.planned for result in summary.analysis.arms), "seed")


def _data(summary: StudySummary, scale: Scale) -> str:
    return scale.data or " or ".join(map(str, summary.analysis.records["data.name"].dropna().unique()))


def _written(directory: Path) -> str:
    latest = max(file.stat().st_mtime for file in directory.glob("*/summary.json"))
    return f"Recorded until {datetime.fromtimestamp(latest, UTC):%Y-%m-%d}; written by `python docs/results.py`."


if __name__ == "__main__":
    main()
