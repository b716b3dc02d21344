"""`litmus images`: a dataset's images before and after augmentation, as a picture."""

from collections.abc import Sequence
from pathlib import Path

from litmus.cli.options import all_config_keys
from litmus.cli.parser import Parser
from litmus.core.config_keys import Key
from litmus.datamodules.augmentation.recipes import RECIPES
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.picture import picture, write_picture
from litmus.datamodules.loading.registry import DATASETS
from litmus.training.config import resolve


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "images",
        "A dataset's images before and after augmentation, as a picture. Every key --data.KEY is an option too.",
    )
    parser.add_argument("dataset", help="a name of litmus list data")
    parser.add_key(Key("augment", str, DataConfig.augment, f"augmentation recipe: {', '.join(RECIPES)}"))
    parser.add_key(Key("images", int, 8, "images, a row each"))
    parser.add_key(Key("epochs", int, 8, "epochs, a column each"))
    parser.add_key(Key("output", Path | None, None, "the picture (default: DATASET-RECIPE.png)"))
    keys = {name: key for name, key in all_config_keys().items() if name.startswith("data.") or name == "seed"}
    parser.add_config_keys(keys)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    DATASETS[options.dataset]  # an unknown name is an error before anything else
    config = resolve({"data.augment": options.augment, **options.settings, "data.name": options.dataset})
    path = options.output or Path(f"{options.dataset}-{config.data.augment}.png")
    write_picture(path, picture(ImageDataModule(config.data, config.seed), options.images, options.epochs))
    print(f"{path}: {config.data.as_dict()['transforms']}")
    return 0
