from pathlib import Path

from studies.engine.analysis import analyse


def write_report(directory, study):
    a = analyse(directory)
    for c in study.claims:
        print(c.sentence, c.test(a))
    for r in a.arms:
        print(
            r.label,
            r.count("finished"),
            r.count("diverged"),
            r.estimate("test_top1"),
            a.difference(r, "test_top1"),
        )
    return Path(directory) / "report.html"
