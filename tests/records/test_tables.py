"""Tables of other tools are read as they are written, and what cannot be read is refused in one line."""

import json
from pathlib import Path

import pandas as pd
import pytest

from litmus.core.errors import UserError
from litmus.records.tables import read_table

OBJECTS = [{"method": "none", "seed": 0, "acc": 0.5}, {"method": "mixup, α=1", "seed": 1, "acc": 0.75}]
ROWS = [tuple(map(str, each.values())) for each in OBJECTS]


def written(path: Path, content: str, encoding: str = "utf-8") -> Path:
    """Return the path of a file with this content."""
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "content", "encoding"),
    [
        ("comma.csv", 'method,seed,acc\nnone,0,0.5\n"mixup, α=1",1,0.75\n', "utf-8"),
        ("excel.csv", 'method,seed,acc\r\nnone,0,0.5\r\n\r\n"mixup, α=1",1,0.75\r\n', "utf-8-sig"),
        ("unicode.txt", "method\tseed\tacc\nnone\t0\t0.5\nmixup, α=1\t1\t0.75\n", "utf-16"),
        ("european.csv", 'method;seed;acc\n none ;0;0,5\nmixup, α=1;1;0,75\n', "utf-8"),
        ("pandas.csv", ',method,seed,acc\n0,none,0,0.5\n1,"mixup, α=1",1,0.75\n', "utf-8"),
        ("lines.jsonl", "\n".join(map(json.dumps, OBJECTS)), "utf-8"),
        ("list.json", json.dumps(OBJECTS), "utf-8"),
    ],
)  # fmt: skip
def test_a_table_is_the_same_in_every_format(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    rows = read_table(written(tmp_path / name, content, encoding)).rows
    assert list(rows) == ["method", "seed", "acc"]
    assert [tuple(map(str, row)) for row in rows.itertuples(index=False)] == ROWS


def test_parquet_and_nested_json_keep_their_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({"arm": [True, False], "acc": [0.5, float("nan")]})
    frame.to_parquet(tmp_path / "a.parquet")
    read = read_table(tmp_path / "a.parquet").rows
    assert read["arm"].tolist() == [True, False]
    nested = read_table(written(tmp_path / "b.jsonl", '{"config": {"lr": 0.1}, "acc": NaN}\n')).rows
    assert list(nested) == ["config.lr", "acc"]
    assert list(nested.index) == ["line 1"]


def test_the_export_of_a_chart_of_wandb_has_a_row_for_each_step_of_each_run(tmp_path: Path) -> None:
    """A chart's columns are `Step` and, for each run, its name and metric with the bounds within a step."""
    bounds = [f"{run} - val/acc{end}" for run in ("bn-seed0", "gn 0.5-seed1") for end in ("", "__MIN", "__MAX")]
    header = ",".join(f'"{column}"' for column in ("Step", *bounds))
    steps = '"0","0.1","0.1","0.1","0.2","0.2","0.2"\n"9","0.8","0.8","0.8","","",""'
    table = read_table(written(tmp_path / "chart.csv", f"{header}\n{steps}\n"))
    assert table.rows[["arm", "seed", "Step", "val/acc"]].to_numpy().tolist() == [
        ["bn", "0", "0", "0.1"],
        ["bn", "0", "9", "0.8"],
        ["gn 0.5", "1", "0", "0.2"],
    ]
    assert (table.run, table.step) == ("Name", "Step")
    assert "'bn-seed0' is arm 'bn', seed 0" in table.notes[0]
    group = header.replace("bn-seed0", "Group: bn").replace("gn 0.5-seed1", "Group: gn")
    with pytest.raises(UserError, match="'Group: bn' does not end in its seed; export the table of runs"):
        read_table(written(tmp_path / "groups.csv", f"{group}\n0,0.1,0.1,0.1,0.2,0.2,0.2\n"))


def test_a_folder_of_lightnings_logs_has_the_rows_of_all_runs_with_their_hparams(tmp_path: Path) -> None:
    """Lightning's CSVLogger leaves empty what a step did not log, and writes a loss that is not finite as nan."""
    for version, hparams in enumerate(("seed: 3\nstep: 2\nact: !!python/name:torch.nn.ReLU ''\n", None)):
        folder = tmp_path / "bn" / f"version_{version}"
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text("epoch,step,val_acc\n0,4,\n0,9,nan\n")
        if hparams is not None:
            (folder / "hparams.yaml").write_text(hparams)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "metrics.csv").write_text("")
    table = read_table(tmp_path)
    assert table.rows["val_acc"].tolist() == ["", "nan"] * 2
    assert table.rows["run"].tolist() == ["bn/version_0"] * 2 + ["bn/version_1"] * 2
    assert set(table.rows["name"]) == {"bn"}
    assert table.rows[["seed", "hparams.step", "act"]].iloc[0].tolist() == [3, 2, "torch.nn.ReLU"]
    assert table.rows.index[1] == f"row 3 of {tmp_path / 'bn/version_0/metrics.csv'}"
    assert (table.run, table.step) == ("run", "step")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "method,acc\n\n", "a header and no rows"),
        ("a.csv", "acc,acc\n1,2\n", "1 column names twice, e.g. 'acc'"),
        ("a.csv", "method,acc\na,1\nb, c,2\n", "row 3: 3 fields where the header has 2"),
        ("a.csv", b"method,acc\n\xe9,1\n", r"is not UTF-8 text \(byte 11\)"),
        ("a.csv", "method,acc\n" + "a" * 200_000 + ",1\n", "is not CSV: field larger"),
        ("a.jsonl", '{"a": 1}\n{"a"', "is neither JSON lines nor a JSON list"),
        ("a.jsonl", "[1, 2]", "item 1: expected an object"),
        ("a.parquet", "method,acc", "cannot be read"),
        ("a.xlsx", "PK", r"expected a table \(.csv, .tsv"),
        ("logs", None, "holds no metrics.csv of Lightning's CSVLogger"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_refused_in_one_line(
    tmp_path: Path, name: str, content: str | bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message) as error:
        read_table(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="does not exist"):
        read_table(tmp_path / "absent.csv")
