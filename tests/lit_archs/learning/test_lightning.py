"""What a Lightning user brings: a Trainer, loggers, callbacks, loaders and modules."""

from pathlib import Path

import lightning.pytorch as lightning
import pandas as pd
import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

from litmus import datamodules, lit_archs
from litmus.lit_archs import LitClassifier, OptimConfig


def classifier(lr: float = 0.05, **optim: object) -> LitClassifier:
    network = lit_archs.build("lenet5", num_classes=10, in_channels=1, image_size=8)
    return LitClassifier(network, 10, OptimConfig(lr=lr, **optim), input_shape=(1, 8, 8))  # type: ignore[arg-type]


def trainer(tmp_path: Path, epochs: int = 3, **options: object) -> lightning.Trainer:
    defaults: dict = {
        "accelerator": "cpu", "max_epochs": epochs, "default_root_dir": tmp_path, "logger": False,
        "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    return lightning.Trainer(**{**defaults, **options})


def test_a_trainer_with_logger_and_callbacks_trains_and_tests(tmp_path: Path) -> None:
    data = datamodules.build("digits", seed=0, batch_size=64, augment="crop")
    assert str(data) == (
        "digits: 1,293 training, 144 validation and 360 test images, 1×8×8, 10 classes; batches of 64, augment crop"
    )
    logger = CSVLogger(tmp_path)
    module = classifier(schedule="cosine", warmup=0.1)
    callbacks = [LearningRateMonitor("step"), EMAWeightAveraging(decay=0.9)]
    fit = trainer(tmp_path, epochs=8, logger=logger, callbacks=callbacks, log_every_n_steps=5)
    fit.fit(module, datamodule=data)
    tested = fit.test(module, datamodule=data, verbose=False)[0]
    assert tested["test_top1"] > 0.6  # chance is 0.1
    rows = pd.read_csv(Path(logger.log_dir) / "metrics.csv")
    rates = rows["lr-SGD"].dropna().to_numpy()
    # Warm-up, then the cosine over the trainer's own steps.
    assert rates[0] < rates[1] < rates.max() <= 0.05
    assert rates[-1] < 0.001
    assert rows["val_top1"].notna().sum() == 8


def test_at_a_plateau_of_the_validation_loss_the_rate_falls(tmp_path: Path) -> None:
    data = datamodules.build("digits", seed=0, batch_size=200)
    module = classifier(lr=1e-9, schedule="plateau", patience=1, decay_factor=0.5)
    rates = []

    class Watch(lightning.Callback):
        def on_train_epoch_start(self, trainer: lightning.Trainer, *_: object) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    # At such a rate nothing is learned: the first epoch is the best, and after two more the rate is halved.
    trainer(tmp_path, epochs=6, callbacks=[Watch()]).fit(module, datamodule=data)
    assert rates == pytest.approx([1e-9, 1e-9, 1e-9, 5e-10, 5e-10, 2.5e-10])


def test_data_loaders_and_accumulation_give_the_gradient_of_the_mean(tmp_path: Path) -> None:
    keyed = torch.Generator().manual_seed(0)
    data = TensorDataset(torch.randn(60, 1, 8, 8, generator=keyed), torch.randint(0, 10, (60,), generator=keyed))
    found = []
    for size, parts in ((60, 1), (20, 3)):
        module = classifier()
        loaders = DataLoader(data, size), DataLoader(data, 30)
        trainer(tmp_path, epochs=2, accumulate_grad_batches=parts).fit(module, *loaders)
        found.append(torch.cat([parameter.detach().flatten() for parameter in module.parameters()]))
    torch.testing.assert_close(*found)
