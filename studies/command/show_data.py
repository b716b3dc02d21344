"""`litmus show data`: a picture of a dataset's images, before and after augmentation."""

from collections.abc import Sequence
from pathlib import Path

from datamodules.augmentation.recipes import RECIPES
from datamodules.batches.config import DataConfig
from datamodules.batches.image_data import ImageDataModule
from datamodules.batches.picture import picture, write_picture
from datamodules.loading.registry import DATASETS
from litmus.config_keys import Key
from litmus.errors import UserError
from studies.command.base.config_options import read
from studies.command.base.options import Parser
from studies.training.config import resolve


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    description = (
        "A dataset's images before and after augmentation, as a picture. Every key --data.KEY is an option too."
    )
    parser = Parser("show data", description)
    parser.add_argument("name", help="the dataset, see litmus list data")
    parser.add_key(Key("augment", str, DataConfig.augment, f"augmentation recipe: {', '.join(RECIPES)}"))
    parser.add_key(Key("images", int, 8, "images, a row each"))
    parser.add_key(Key("epochs", int, 8, "epochs, a column each"))
    parser.add_key(Key("output", str, None, "the picture (default: NAME-RECIPE.png)"))
    options = read(parser, arguments)
    settings = options.settings
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
