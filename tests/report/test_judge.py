"""Runs that were trained elsewhere: the report of a table equals scipy's figures, and says what was not checked."""

import csv
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hostile_names import HOSTILE
from scipy import stats

import litmus
from litmus import Result
from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.evidence.differences import holm
from litmus.report.answer import cautions_of

DOCS = Path(__file__).parents[2] / "docs"
PUBLISHED = DOCS / "keras_epochs.csv"


def runs(arms: Sequence[str] = ("none", "mixup", "cutout"), seeds: int = 6) -> pd.DataFrame:
    """Return a table of accuracies in per cent, whose seeds share part of their variance."""
    generator = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        common = generator.normal(0, 0.6)
        rows += [
            {"method": arm, "seed": seed, "accuracy": round(92 + index + common + generator.normal(0, 0.4), 2)}
            for index, arm in enumerate(arms)
        ]
    return pd.DataFrame(rows)


def judged(table: pd.DataFrame, folder: Path, **reading: object) -> tuple[Result, pd.DataFrame]:
    """Return the result of a table, and its statistics by arm."""
    result = litmus.judge(table, out=folder, **{"arm": "method", "metric": "accuracy", **reading})
    return result, pd.read_csv(result.report.parent / "statistics.csv").set_index("arm")


def test_differences_of_shared_seeds_are_scipys_paired_t_test(tmp_path: Path) -> None:
    table = runs()
    result, statistics = judged(table, tmp_path)
    wide = table.pivot(index="seed", columns="method", values="accuracy")
    tests = {arm: stats.ttest_rel(wide[arm], wide["none"]) for arm in ("mixup", "cutout")}
    corrected = holm([test.pvalue for test in tests.values()])
    for (arm, test), p_holm in zip(tests.items(), corrected, strict=True):
        row, interval = statistics.loc[arm], test.confidence_interval()
        found = 100 * row[["difference_mean", "difference_low", "difference_high"]].astype(float)
        assert found.tolist() == pytest.approx([(wide[arm] - wide["none"]).mean(), *interval])
        assert row[["p_value", "p_holm"]].tolist() == pytest.approx([test.pvalue, p_holm])
    page = result.report.read_text()
    assert "Differences are paired by seed" in page
    assert "preset" not in page
    assert "Accuracy of each run" in page
    assert sorted(each.name for each in result.report.parent.iterdir()) == [
        "judged.json",
        "report.html",
        "statistics.csv",
    ]
    for unknown in ("Initialisation", "Order and augmentation", "Test images", "Code", "Plan"):
        assert f"{unknown}</th>" in page
    assert page.count(">not checked</td>") == 6
    assert result.answer.startswith("2 of 2 arms are shown to differ from the baseline (none) in accuracy: cutout is")


def test_arms_without_shared_seeds_are_compared_by_welchs_test(tmp_path: Path) -> None:
    table = runs()
    table.loc[table["method"] == "cutout", "seed"] += 100
    table = table.drop(table.index[-1])  # of unequal numbers of runs
    result, statistics = judged(table, tmp_path)
    by_arm = table.groupby("method")["accuracy"].apply(list)
    test = stats.ttest_ind(by_arm["cutout"], by_arm["none"], equal_var=False)
    row, interval = statistics.loc["cutout"], test.confidence_interval()
    found = 100 * row[["difference_low", "difference_high"]].astype(float)
    assert found.tolist() == pytest.approx([*interval])
    assert row["p_value"] == pytest.approx(test.pvalue)
    wins = stats.mannwhitneyu(by_arm["cutout"], by_arm["none"]).statistic
    assert row["probability_of_improvement_mean"] == pytest.approx(wins / 30)
    assert not row["paired"]
    assert statistics.loc["mixup", "paired"]
    page = result.report.read_text()
    assert "But cutout shares too few seeds with the baseline" in page
    assert "n = 5 and 6, unpaired" in page


def test_a_table_without_seeds_is_compared_unpaired_and_says_so(tmp_path: Path) -> None:
    result, statistics = judged(runs().drop(columns="seed"), tmp_path)
    assert not statistics.loc["mixup", "paired"]
    assert any("compared unpaired" in note for note in result.notes)
    assert "no: the table has no seeds" in result.report.read_text()


def test_another_column_that_differs_with_the_arm_is_named(tmp_path: Path) -> None:
    table = runs()
    table["lr"] = table["method"].map({"none": 0.1, "mixup": 0.2, "cutout": 0.1})
    table["epochs"] = 90
    result, _ = judged(table, tmp_path)
    assert result.summary is not None
    assert "The arms differ in lr as well." in cautions_of(result.summary)
    assert "but not in all arms: lr" in result.report.read_text()


@pytest.mark.parametrize(
    ("change", "reading", "message"),
    [
        (lambda t: pd.concat([t, t.tail(1)], ignore_index=True), {}, "row 17 and row 18 are both cutout, seed 5"),
        (lambda t: t.assign(accuracy=t["accuracy"].where(t.index != 7)), {}, r"missing or not finite in row 7 \(mixup"),
        (lambda t: t.assign(accuracy=["n. a.", *t["accuracy"][1:]]), {}, "row 0: accuracy is 'n. a.', not a number"),
        (lambda t: t.assign(method=t["method"].where(t.index != 3)), {}, "method is missing in row 3"),
        (lambda t: t[t["seed"] == 0], {}, "each of 3 arms has one run"),
        (lambda t: t[t["method"] == "none"], {}, "method has one value, 'none'"),
        (lambda t: t[:0], {}, "has no rows"),
        (lambda t: t.assign(accuracy=t["accuracy"].where(t.index > 2, t["accuracy"] / 100)), {}, "were mixed"),
        (lambda t: t, {"metric": "acuracy"}, "no column 'acuracy'; did you mean 'accuracy'"),
        (lambda t: t, {"baseline": "non"}, "no arm 'non'; did you mean 'none'"),
        (lambda t: t, {"arm": ""}, "--arm names a column of the frame: its columns are method, seed and accuracy"),
        (lambda t: t.assign(epoch=1).pipe(lambda a: pd.concat([a, a.assign(epoch=2)])), {}, "add --step epoch"),
        (lambda t: t, {"scale": "fraction"}, "not within 0 and 1"),
    ],
)
def test_a_table_that_cannot_be_judged_is_refused_in_one_line(
    tmp_path: Path, change: object, reading: dict[str, str], message: str
) -> None:
    assert callable(change)
    with pytest.raises(UserError, match=message) as error:
        judged(change(runs()), tmp_path, **reading)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def commanded(arguments: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str, pd.DataFrame]:
    """Return what `litmus judge` prints to the two streams, and its statistics by arm."""
    capsys.readouterr()
    assert run_command(["judge", *shlex.split(arguments), "--out", str(folder / "out")]) == 0
    printed, said = capsys.readouterr()
    report = Path(printed.splitlines()[-1].removeprefix("report: "))
    return printed, said, pd.read_csv(report.parent / "statistics.csv").set_index("arm")


def interval(row: pd.Series) -> list[float]:
    """Return a difference with its interval, as fractions."""
    return [float(row[f"difference_{end}"]) for end in ("mean", "low", "high")]


def test_a_published_table_of_seeds_has_its_means_and_scipys_intervals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Accuracies of a Keras network over seeds: github.com/MatHatter/DESONN, keras_results.R, with means and sds."""
    printed, said, statistics = commanded(f"{PUBLISHED} --arm epochs --metric train_acc", tmp_path, capsys)
    means = statistics["mean"].round(4).tolist(), statistics["sd"].round(4).tolist()
    assert means == ([0.9888, 0.9891], [0.0019, 0.0025])  # as published
    table = pd.read_csv(PUBLISHED).pivot(index="seed", columns="epochs", values="train_acc")
    test = stats.ttest_rel(table[360], table[200])
    row = statistics.loc["epochs 360"]
    assert interval(row)[1:] == pytest.approx([*test.confidence_interval()])
    assert row["p_value"] == pytest.approx(test.pvalue)
    assert printed.startswith("No difference in train_acc is shown between epochs 360 (98.91 %) and epochs 200")
    assert "train_acc is read as fraction" in said


def test_the_table_of_runs_that_wandb_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its columns are the runs' name, state and times, their configs and their summaries; all values are quoted."""
    generator, rows = np.random.default_rng(1), []
    for arm, mean in (("sgd", 0.84), ("adamw", 0.82)):
        for seed in range(4):
            about = {
                "Name": f"run-{arm}-{seed}",
                "State": "finished",
                "Notes": "-",
                "User": "ann",
                "Tags": "",
                "Sweep": "",
            }
            times = {"Created": "2026-05-01T10:00:00.000Z", "Runtime": 300 + seed, "optim.name": arm, "seed": seed}
            rows.append({**about, **times, "val/acc": mean + generator.normal(0, 0.01)})
    crashed = {**rows[0], "State": "crashed", "val/acc": 0.1}
    running = {**rows[0], "State": "running", "seed": 9, "val/acc": 0.2}
    file = tmp_path / "wandb_export_2026-05-01T12_00_00.000+02_00.csv"
    pd.DataFrame([crashed, *rows, running]).to_csv(file, index=False, quoting=csv.QUOTE_ALL)
    printed, said, statistics = commanded(f"{file} --arm optim.name --metric val/acc --baseline sgd", tmp_path, capsys)
    values = pd.DataFrame(rows).pivot(index="seed", columns="optim.name", values="val/acc")
    test = stats.ttest_rel(values["adamw"], values["sgd"])
    assert interval(statistics.loc["adamw"])[1:] == pytest.approx([*test.confidence_interval()])
    assert "1 run that did not finish and ran again: left out" in said
    assert "Without a result, as State says: sgd, seed 9 (running)" in said
    assert "1 of 9 runs have no result yet" in printed


@pytest.mark.slow  # tests/records/test_tables.py reads the same files, written by hand
def test_a_folder_of_lightnings_csv_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import lightning
    import torch
    from lightning.pytorch.loggers import CSVLogger

    class Net(lightning.LightningModule):
        def __init__(self, seed: int, scale: float) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch: torch.Tensor) -> torch.Tensor:
            loss = (self.layer(batch) - self.hparams["scale"] * batch.sum(1, keepdim=True)).square().mean()
            self.log("loss", loss, on_epoch=True, on_step=True)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.05)

    for scale in (1.0, 3.0):
        for seed in range(3):
            torch.manual_seed(seed)
            logger = CSVLogger(tmp_path / "logs", name=f"scale {scale:g}")
            quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "enable_model_summary": False}
            trainer = lightning.Trainer(max_epochs=2, accelerator="cpu", logger=logger, log_every_n_steps=1, **quiet)
            trainer.fit(Net(seed, scale), torch.utils.data.DataLoader(torch.randn(8, 4), 4, num_workers=0))
    metric = "--metric loss_epoch"
    _, said, statistics = commanded(f"{tmp_path / 'logs'} --arm scale {metric}", tmp_path, capsys)
    last = {}
    for file in (tmp_path / "logs").rglob("metrics.csv"):
        scale, version = file.parent.parent.name.split()[1], file.parent.name
        last[scale, version] = pd.read_csv(file)["loss_epoch"].dropna().iloc[-1]
    ones, threes = ([last[scale, f"version_{seed}"] for seed in range(3)] for scale in "13")
    test = stats.ttest_rel(threes, ones)
    assert interval(statistics.loc["scale 3"])[1:] == pytest.approx([*test.confidence_interval()])
    assert "Lower values of loss_epoch count as better" in said
    assert "Of each run the last value counts." in said
    page = next((tmp_path / "out").rglob("report.html")).read_text()
    assert "loss_epoch while training" in page


def test_curves_of_a_table_need_the_column_of_the_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.concat([runs().assign(epoch=epoch, accuracy=runs()["accuracy"] - 9 / epoch) for epoch in (1, 2, 3)])
    table.loc[(table["method"] == "mixup") & (table["epoch"] == 3) & (table["seed"] < 2), "accuracy"] = np.nan
    table.to_csv(tmp_path / "curves.csv", index=False)
    _, said, statistics = commanded(
        f"{tmp_path}/curves.csv --arm method --metric accuracy --step epoch", tmp_path, capsys
    )
    assert statistics.loc["cutout", "mean"] == pytest.approx(
        runs().groupby("method")["accuracy"].mean()["cutout"] / 100 - 0.03
    )
    assert "Runs end at different steps, between 2 and 3 of 'epoch'." in said


def test_a_run_that_failed_counts_as_it_is_told(tmp_path: Path) -> None:
    table = runs()
    table.loc[7, "accuracy"] = float("inf")
    result, statistics = judged(table, tmp_path, failed=10.0)
    assert statistics.loc["mixup", "diverged"] == 1
    assert statistics.loc["mixup", "difference_n"] == 6
    assert "1 of 6 diverged" in result.report.read_text()
    assert result.summary is not None
    assert cautions_of(result.summary)[0] == "Diverged: mixup (1 of 6 seeds)."


def test_factors_make_a_product_and_numbers_an_axis(tmp_path: Path) -> None:
    table = runs(("a", "b", "c", "d"))
    table["norm"] = table["method"].map({"a": "bn", "b": "bn", "c": "None", "d": "None"})
    table["depth"] = table["method"].map({"a": 20, "b": 56, "c": 20, "d": 56})
    reading = {"arm": "", "factors": "norm,depth", "baseline": "norm bn, depth 56"}
    result, statistics = judged(table.drop(columns="method"), tmp_path, **reading)
    arms = [f"norm {norm}, depth {depth}" for norm in ("bn", "None") for depth in (20, 56)]
    assert list(statistics.index) == arms
    assert statistics.index[statistics["baseline"]].tolist() == ["norm bn, depth 56"]
    assert set(result.records["depth"]) == {20, 56}
    assert ">Interaction<" in result.report.read_text()


def test_several_datasets_are_judged_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = {"a": runs(seeds=5), "b c": runs(seeds=5)}
    sets["b c"]["accuracy"] = 40 + sets["b c"]["accuracy"] / 2
    table = pd.concat([rows.assign(data=name) for name, rows in sets.items()])
    table.to_csv(tmp_path / "sets.csv", index=False)
    with pytest.raises(UserError, match="name the column of these: --dataset"):
        judged(table, tmp_path)
    sets_of = f"judge {tmp_path}/sets.csv --arm method --metric accuracy --dataset data --out {tmp_path}/out"
    assert run_command(sets_of.split()) == 0
    printed = capsys.readouterr().out
    assert "sets.datasets on 2 datasets:\nmixup reaches a higher accuracy than none.\n  a         supported" in printed
    assert printed.count("\n  together  ") == 2
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["sets.a", "sets.b-c", "sets.datasets"]
    page = (tmp_path / "out" / "sets.datasets" / "report.html").read_text()
    assert "../sets.b-c/report.html" in page


def test_a_hostile_table_is_shown_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [*HOSTILE, "none\x1b[31m", "a, 'b'", 'say "c"', "semi;colon", "NaN"]
    rows = [
        {"<b>arm</b>": name, "s": seed, "x;=1": 1e-7 * (seed + 2 * place + seed * place % 3)}
        for place, name in enumerate(names)
        for seed in range(3)
    ]
    file = tmp_path / "=cmd|' <i>.csv"
    file.write_text("\ufeff" + pd.DataFrame(rows).to_csv(index=False))
    columns = "--arm '<b>arm</b>' --seed s --metric 'x;=1' --export markdown,latex,csv"
    printed, said, statistics = commanded(f"{shlex.quote(str(file))} {columns}", tmp_path, capsys)
    assert "\x1b" not in printed + said
    assert len(statistics) == len(names)
    [report] = (tmp_path / "out").rglob("report.html")
    page = report.read_text()
    assert report.parent.name == "cmd-i"
    assert "<b>arm" not in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#39;arm&#39;)" in page
    assert "say &#34;c&#34;" in page
    assert "0.00000020" in page  # of small numbers the digits are shown


def test_a_study_of_litmus_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "study.json").write_text("{}")
    with pytest.raises(UserError, match="holds a study of Litmus; --name"):
        judged(runs(), tmp_path)


def test_the_documentations_example_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "judge.md").read_text()
    command, shown = re.findall(r"```(?:sh|text)\n(.*?)```", page, re.DOTALL)[:2]
    (tmp_path / "docs").symlink_to(DOCS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert run_command(shlex.split(command)[1:]) == 0
    printed, said = capsys.readouterr()
    assert said + printed == shown
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(code, {})
    assert "runs/table/report.html" in capsys.readouterr().out


def test_report_and_status_know_the_report_of_a_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runs().to_csv("table.csv", index=False)
    assert run_command(["judge", "table.csv", "--arm", "method", "--metric", "accuracy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["arm"] for each in found["effects"]] == ["mixup", "cutout"]
    page = Path("runs/table/report.html")
    page.unlink()
    for name in ("table", "runs/table"):
        assert run_command(["report", name]) == 0
        assert capsys.readouterr().out.startswith("2 of 2 arms are shown to differ from the baseline (none)")
    assert page.is_file()
    assert run_command(["status"]) == 0
    assert "table: the report of a table, see litmus judge" in capsys.readouterr().out
    assert run_command(["status", "table"]) == 2
    assert "litmus report writes it again" in capsys.readouterr().err
