"""Real images for the tests: unpacked once for all test processes, found through LITMUS_DATA."""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy
import pytest
import torch
from drawn_folder import make_folder
from torch import Tensor

from litmus.datamodules.image_files.lock import exclusive
from litmus.datamodules.loading.registry import load


@pytest.fixture(scope="session")
def imagenette(real_data: Path) -> Path:
    """4,000 ImageNet images of 10 classes, as a folder."""
    return unpacked(real_data / "imagenette224-4k.tar.gz", "imagenette224-4k")


def unpacked(archive: Path, folder: str) -> Path:
    """Return `folder` of `archive`, unpacked by the first process that asks and complete for all."""
    place = Path(tempfile.gettempdir()) / f"litmus-test-data-{os.getuid()}"
    place.mkdir(exist_ok=True)
    with exclusive(place / f"{folder}.lock"):
        if not (place / folder).exists():
            with tempfile.TemporaryDirectory(dir=place) as partial:
                # Not every Python 3.11 has the filter that makes `tarfile` as careful as this is by itself.
                subprocess.run(["tar", "--extract", "--file", archive, "--directory", partial], check=True)
                os.replace(Path(partial) / folder, place / folder)
    return place / folder


@pytest.fixture(scope="session")
def photographs(imagenette: Path) -> Tensor:
    """24 real images, uint8 [24, 3, 64, 64]."""
    from litmus.datamodules.image_files.decode import Decoding, decode

    files = sorted((imagenette / "train").glob("*/*.JPEG"))[:: 3000 // 24][:24]
    images = [decode(file.read_bytes(), file, Decoding(64)).pixels for file in files]
    return torch.from_numpy(numpy.stack(images))


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """A small folder of drawn images: 3 classes, 8 training and 3 test images each, 12×12."""
    return make_folder(tmp_path / "images")


@pytest.fixture(autouse=True)
def separate_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the caches of the tests out of the user's, and what one test loaded out of the next."""
    load.cache_clear()
    monkeypatch.setenv("LITMUS_CACHE", str(tmp_path_factory.mktemp("cache")))
