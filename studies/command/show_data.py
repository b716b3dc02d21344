"""`litmus show data`: a picture of a dataset's images, before and after augmentation."""

from collections.abc import Sequence
from pathlib import Path

from datamodules.batches.config import DataConfig
from datamodules.batches.image_data import ImageDataModule
from datamodules.batches.picture import picture, write_picture
from datamodules.loading.registry import DATASETS
from litmus.errors import UserError
from studies.command.options import command_parser
from studies.command.options import split_config as split
from studies.training.config import resolve


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    rest, settings = split(arguments)
    description = (
        "A dataset's images before and after augmentation, as a picture. Every key --data.KEY is an option too."
    )
    parser = command_parser("show data", description)
    parser.add_argument("name", help="the dataset, see litmus list data")
    parser.add_argument("--augment", default=DataConfig.augment, help="augmentation recipe")
    parser.add_argument("--images", type=int, default=8, help="images, a row each")
    parser.add_argument("--epochs", type=int, default=8, help="epochs, a column each")
    parser.add_argument("--output", type=str | None, default=None, help="the picture (default: NAME-RECIPE.png)")
    options = parser.parse_args(rest)
    other = [key for key in settings if not key.startswith("data.") and key != "seed"]
    if other:
        raise UserError(f"--{other[0]} means nothing here; valid: --seed and the keys of --data")
    DATASETS[options.name]
    settings = {"data.augment": options.augment, **settings, "data.name": options.name}
    config = resolve(settings)
    datamodule = ImageDataModule(config.data, config.seed)
    path = Path(options.output or f"{options.name}-{config.data.augment}.png")
    write_picture(path, picture(datamodule, options.images, options.epochs))
    print(f"{path}: {config.data.as_dict()['transforms']}")
    return 0
