"""What the studies say: a page for each, made of real records.

    python docs/results.py RUNS [PAGE ...] [--data DATA] [--only-write]

runs what is missing of each study into the folder RUNS, in its quick preset or at the scale that
`docs/results/scales.yaml` gives it, and writes `docs/results/PAGE.md`, its pictures, and a card of it into
`docs/results/README.md`. A page has its study's name; `scales.yaml` adds pages of a study at further scales.
`discussion.yaml` has what there is to say of a page beyond its figures, `groups.yaml` the order of the cards. A quick
preset's time goes to `litmus/cli/quick_times.json`, where `litmus list studies` reads it: half the CPU time of the
command, which is its time on two idle cores, whatever else the machine does. With `--only-write` nothing is run, and a
study without records keeps its page.
"""

import argparse
import contextlib
import ctypes
import json
import os
import re
import resource
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from litmus import studies
from litmus.cli.list import QUICK_TIMES
from litmus.core.errors import UserError
from litmus.core.formatting import listed, several
from litmus.design.study import Study
from litmus.design.study_files import STUDIES
from litmus.evidence.claims import MEANING
from litmus.evidence.summary import StudySummary, summarise
from litmus.records.storage import write_atomically
from litmus.records.study_record import STUDY_FILE, read_study_record
from litmus.report.answer import answer_of
from litmus.report.claims import claim_rows
from litmus.report.controls import image_counts
from litmus.report.exports import as_markdown, markdown
from litmus.report.figures import figures_of
from litmus.report.figures.pictures import forest_picture, picture
from litmus.report.figures.probes import figures_asked
from litmus.report.forest import claim_groups
from litmus.report.page import unbroken

FOLDER = Path(__file__).with_name("results")
TABLE = FOLDER / "table.json"
"""A card of each study, kept so that one study can be written without the others' records."""
SIGNS = (
    "A positive effect, or a ratio above one, speaks for the claim, except where it says that two things are alike. "
    "Claims without a p value are secondary or checks, judged by the interval alone."
)
_PLACES = re.compile(r'\b(?:d|x|y|transform)="[^"]*"')
"""The attributes of an SVG's elements that say where something is."""
LITMUS = (sys.executable, "-c", "from litmus.cli.main import main; main()")


def main() -> None:
    """Run what is missing and write the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="the folder of records")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="all by default")
    parser.add_argument("--data", default="data", help="the folder of MNIST/, cifar10/ and imagenette224-4k/")
    parser.add_argument("--only-write", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    for page in arguments.pages or pages():
        scale = scale_of(page)
        if not arguments.only_write:
            run(page, scale, arguments.runs, arguments.data)
        if (arguments.runs / page / STUDY_FILE).exists():
            write(page, arguments.runs / page, scale)
            print(FOLDER / f"{page}.md")
    write_table()


def run(page: str, scale: "Scale", runs: Path, data: str) -> None:
    """Run what is missing of a page's study, and write down the time of a quick preset that ran from the start."""
    options = [option.replace("DATA", data) for option in scale.options]
    fresh = not (runs / page).exists() and not options
    # The server that forks the workers outlives the command: this process inherits and waits for it, and has its times.
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER of linux/prctl.h
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*LITMUS, "run", scale.study, *options, "--name", page, "--out", str(runs)], check=True)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if fresh:
        seconds = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 2
        times = {**json.loads(QUICK_TIMES.read_text()), scale.study: round(seconds)}
        kept = {name: times[name] for name in sorted(times) if name in names()}
        QUICK_TIMES.write_text(json.dumps(kept, indent=2) + "\n")


def names() -> list[str]:
    """Return the package's studies, without those that files of a user registered."""
    return [name for name in STUDIES.names() if (Path(str(studies.__file__)).parent / f"{name}.py").exists()]


def pages() -> list[str]:
    """Return the pages: one of each study, and those of further scales."""
    return sorted({*names(), *texts("scales")})


@dataclass(frozen=True)
class Scale:
    """The study of a page and its options of `litmus run`, and the data in words where their name does not say it."""

    study: str
    options: tuple[str, ...] = ()
    data: str | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The preset and the config keys that the options set, without the folder of the data."""
        keys = [option.removeprefix("--") for option in self.options[::2]]
        given = dict(zip(["data.name" if key == "data" else key for key in keys], self.options[1::2], strict=True))
        return {"preset": "quick"} | {key: value for key, value in given.items() if "." in key or key == "preset"}


def scale_of(page: str) -> Scale:
    """Return the scale of a page: its study's quick preset where `scales.yaml` does not name it."""
    given = texts("scales").get(page, {})
    return Scale(given.get("study", page), tuple(shlex.split(given.get("options", ""))), given.get("data"))


def texts(name: str) -> Mapping[str, Any]:
    """Return what a file of `docs/results` says of each study."""
    found: Mapping[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) or {}
    return found


def write(page: str, directory: Path, scale: Scale) -> None:
    """Write a page, its pictures, and its card."""
    record = read_study_record(directory)
    ran = {"preset": record.preset, **{key: str(value) for key, value in record.settings.items()}}
    if {**ran, "data.root": ""} != {**scale.settings, "data.root": ""}:
        sys.exit(f"{directory} was run with {ran}, and docs/results/scales.yaml says {scale.settings}")
    study = STUDIES[scale.study].at(record.preset)
    summary = summarise(directory, study.claims, study.measures)
    heading, answer, *tables, methods = as_markdown(summary).strip().split("\n\n")
    tables = [unbroken(table) for table in tables]
    limit, discussion = study.limits.get(record.preset), texts("discussion").get(page, "").strip()
    latest = max(file.stat().st_mtime for file in directory.glob("*/summary.json"))
    pictures = _pictures(page, study, summary)
    others = [other for other in pages() if scale_of(other).study == scale.study and other != page]
    parts = [
        heading.replace("## ", "# "),
        answer,
        *(f"[The same question with the {scale_of(other).settings['preset']} preset]({other}.md)" for other in others),
        *pictures[:1],
        *tables[:1],
        SIGNS,
        *pictures[1:],
        *tables[1:],
        f"**Limits.** {markdown(limit)}" if limit else "",
        f"**Discussion.** {discussion}" if discussion else "",
        f"**Source.** {markdown(study.source)}." if study.source else "",
        f"**Runs.** {_how(summary, scale)} Recorded until {datetime.fromtimestamp(latest, UTC):%Y-%m-%d}.",
        f"<details><summary>Methods</summary>\n\n{methods.strip('*')}\n\n</details>",
        "[All results](README.md)",
    ]
    write_atomically(FOLDER / f"{page}.md", "\n\n".join(filter(None, parts)) + "\n")
    table = {**_table(), page: _card(study, summary, scale)}
    write_atomically(TABLE, json.dumps(dict(sorted(table.items())), indent=2, ensure_ascii=False) + "\n")


def _pictures(page: str, study: Study, summary: StudySummary) -> list[str]:
    """Write the claims as a forest plot, the study's main figure and the learning curves; return their Markdown."""
    folder = FOLDER / "pictures"
    folder.mkdir(exist_ok=True)
    for old in folder.glob(f"{page}-*.svg"):
        old.unlink()
    groups = [replace(group, title="") for group in claim_groups(claim_rows(summary))]
    drawn = [("claims", "The claims with their 95 % intervals", forest_picture(groups, "svg"))] if groups else []
    figures = figures_asked(summary.analysis, study.plots) + figures_of(summary.analysis)
    curves = next((each for each in figures if each.title.endswith("while training")), None)
    for kind, figure in (("figure", figures[0] if figures else None), ("curves", curves)):
        if figure is not None and (kind == "figure" or figure.title != figures[0].title):
            try:
                drawn.append((kind, figure.title, picture(figure.plot, "svg")))
            except UserError:  # a figure that only a browser draws
                continue
    for kind, _, content in drawn:
        write_atomically(folder / f"{page}-{kind}.svg", themed(content.decode()))
    return [f"![{markdown(title)}](pictures/{page}-{kind}.svg)" for kind, title, _ in drawn]


def themed(svg: str) -> str:
    """Return a picture without a background, whose text and axes are light where the reader's theme is dark."""
    # A hundredth of a point cannot be seen.
    svg = _PLACES.sub(lambda found: re.sub(r"(?<=\.\d)\d+", "", found[0]), svg.partition("<svg")[2])
    svg = re.sub(r"#(?:000000|333333|555555|262626)", "currentColor", svg)
    svg = re.sub(r'(<g id="patch_1">\s*<path d="[^"]*") style="fill: #ffffff"', r'\1 style="fill: none"', svg)
    svg = svg.replace("fill: #ffffff", "fill: none")
    style = "svg{color:#1f2328;fill:currentColor}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}"
    opening, rest = svg.split(">", 1)
    return f"<svg{opening}><style>{style}</style>{rest}"


def write_table() -> None:
    """Write the cards of all studies, group by group."""
    table, groups = _table(), texts("groups")
    if sorted(page for group in groups.values() for page in group) != pages():
        odd = set(pages()) ^ {page for group in groups.values() for page in group}
        sys.exit(f"docs/results/groups.yaml names each page once; look at {', '.join(sorted(odd)) or 'repeated names'}")
    counts = Counter[str]()
    for row in table.values():
        counts.update(row["primary"])
    verdicts = listed([f"{counts[verdict]} {verdict}" for verdict in MEANING if counts[verdict]], len(MEANING))
    lines = [
        "# What the studies say",
        "",
        f"{len(names())} studies, each run on two CPU cores, most in one to three minutes on small images. **A verdict "
        "holds at the scale of its runs**, and each page says what that scale leaves open. Each design was fixed "
        "before the runs shown here.",
        "",
        f"The studies have {counts.total()} primary claims, which answer their questions: {verdicts}. In the pictures, "
        "a point is the effect and the line through it its 95 % interval. A claim is *supported* if the whole interval "
        "lies in the shaded region, *inconclusive* if it also contains effects outside. More: "
        "[reading a report](../reading_a_report.md).",
        "",
        " · ".join(f"[{group}](#{re.sub('[^a-z]+', '-', group.lower())})" for group in groups),
    ]
    for group, members in groups.items():
        lines += ["", f"## {group}"]
        for page in members:
            lines += ["", *_shown(page, table.get(page))]
    write_atomically(FOLDER / "README.md", "\n".join(lines) + "\n")


def _shown(page: str, card: Mapping[str, Any] | None) -> list[str]:
    """Return the card of a page as Markdown."""
    study = scale_of(page).study
    if card is None:
        return [f"### {markdown(STUDIES[study].question)}", "", f"Not run yet: `{page}`."]
    drawing = f"![Claims of {page}](pictures/{page}-claims.svg)"
    scale = "" if page == study else f" ({card['scale']})"
    return [
        f"### [{markdown(card['question'])}]({page}.md){scale}",
        "",
        markdown(card["answer"]),
        "",
        *([drawing, ""] if (FOLDER / "pictures" / f"{page}-claims.svg").exists() else []),
        f"`{study}` · {card['runs']} · {card['scale']}",
    ]


def _table() -> dict[str, Any]:
    return dict(json.loads(TABLE.read_text())) if TABLE.exists() else {}


def _card(study: Study, summary: StudySummary, scale: Scale) -> dict[str, Any]:
    found = zip(study.claims, summary.headline, strict=True)
    primary = Counter(str(verdict) for claim, verdict in found if claim.primary)
    return {
        "question": study.question,
        "answer": answer_of(summary),
        "runs": _runs(summary),
        "scale": f"{summary.analysis.study.preset}, {_data(summary, scale)}",
        "primary": {verdict: primary[verdict] for verdict in MEANING if primary[verdict]},
    }


def _how(summary: StudySummary, scale: Scale) -> str:
    """Return the command, the runs, their time and the data."""
    analysis = summary.analysis
    counts = {state: sum(result.count(state) for result in analysis.arms) for state in ("finished", "diverged")}
    ended = listed([f"{several(count, 'run')} {state}" for state, count in counts.items() if count])
    minutes = analysis.records["seconds"].sum() / 60 if "seconds" in analysis.records else 0.0
    command = shlex.join(["litmus", "run", scale.study, *scale.options])
    return (
        f"`{command}`: {_runs(summary)}; {ended}; {minutes:.1f} minutes of training on one core each. "
        f"Data: {_data(summary, scale)} ({image_counts(analysis)})."
    )


def _runs(summary: StudySummary) -> str:
    arms = summary.analysis.arms
    return f"{len(arms)} arms, {several(max(result.planned for result in arms), 'seed')}"


def _data(summary: StudySummary, scale: Scale) -> str:
    return scale.data or " or ".join(map(str, summary.analysis.records["data.name"].dropna().unique()))


if __name__ == "__main__":
    main()
