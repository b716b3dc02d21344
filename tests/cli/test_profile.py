"""`litmus profile` as a user types it."""

from pathlib import Path

import pytest
from cli.test_status import documented, found

from litmus.cli.main import run_command


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_profile_shows_layers_and_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["profile", "lenet5", "--throughput", "8"]) == 0
    out = capsys.readouterr().out
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert lines["conv2"][1:5] == ["Conv2d", "16×10×10", "2,416", "240,000"]
    assert lines["conv2"][-1] == "14"
    assert lines["total"][1:3] == ["61,706", "416,520"]
    assert lines["activations"][-1] == "6,518"
    assert "images/s" in out


def test_profile_takes_options_of_the_network_and_of_its_norms(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["profile", "lenet5", "--model.norm", "batch", "--norm.affine=false"]) == 0
    assert "61,706" in next(line for line in capsys.readouterr().out.splitlines() if line.startswith("total"))
    assert run_command(["profile", "lenet5", "--model.norm", "batch"]) == 0
    assert "62,158" in next(line for line in capsys.readouterr().out.splitlines() if line.startswith("total"))


def test_a_network_of_ones_own_is_known_by_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.py").write_text(
        "from litmus import lit_archs\nfrom torch import nn\n\n\n"
        '@lit_archs.register("profiled_own")\n'
        "class Own(nn.Module):\n"
        "    def __init__(self, num_classes, in_channels=3, width=4):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(in_channels, width, 1)\n"
        "        self.head = nn.Linear(width, num_classes)\n\n"
        "    def forward(self, images):\n"
        "        return self.head(self.conv(images).mean((2, 3)))\n"
    )
    options = ["--source", str(tmp_path / "own.py"), "--in-channels", "3", "--image-size", "8", "--model.width", "5"]
    assert run_command(["profile", "profiled_own", *options]) == 0
    total = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("total"))
    assert total.split()[1] == str(3 * 5 + 5 + 5 * 10 + 10)


def test_a_profile_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    content = found(capsys, "profile", "lenet5")
    assert content.keys() == {"format"} | documented("profile NAME --json")
    assert content["total"]["parameters"] == sum(layer["parameters"] for layer in content["layers"]) == 61_706
