"""Does batch norm steady the input of a sigmoid net's layers, and does the net then train better?

Section 4.1 of Ioffe & Szegedy 2015: three layers of 100 sigmoid units, small Gaussian weights, plain SGD on batches of
60. paper: binary MNIST, 50,000 training images, 50,000 steps. quick: scikit-learn's digits, 1,900 steps. The paper
names neither its learning rate nor the size of the weights: 0.1, and a standard deviation of 0.1.
"""

from studies.design import Claim, Percentiles, Study, drift, more, sooner

WITH, WITHOUT = {"model.norm": "batch"}, {"model.norm": "none"}
LAST_HIDDEN = -1
DRIFT = drift(LAST_HIDDEN)

study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "mlp", "init.scheme": "normal", "init.gain": 10.0,
        "data.name": "digits", "data.batch_size": 60,
        "optim.lr": 0.1, "optim.momentum": 0.0,
        "trainer.epochs": 100, "trainer.probe_every_n_steps": 25,
    },
    factors={"model.norm": ["none", "batch"]},
    baseline=WITHOUT,
    seeds=5,
    presets={
        "paper": {
            "data.name": "mnist", "data.binary": True, "data.validation": 1 / 6,
            "trainer.epochs": 60, "trainer.validations_per_epoch": 2, "trainer.probe_every_n_steps": 500,
        }
    },
    probes=["activations"],
    measures={"drift of the last hidden layer's input": DRIFT},
    plots=[Percentiles(LAST_HIDDEN, "Input to the last hidden layer's sigmoid: 15th, 50th, 85th percentile")],
    claims=[
        Claim("With batch norm the net reaches a higher test accuracy.",
              more("test_top1", WITH, than=WITHOUT), "section 4.1, figure 1 (a)"),
        Claim("With batch norm the net trains faster.",
              sooner(WITH, than=WITHOUT), "section 4.1, figure 1 (a)"),
        Claim("Without batch norm the distribution of a layer's input wanders more.",
              more(DRIFT, WITHOUT, than=WITH), "section 4.1, figure 1 (b, c)",
              paper="percentiles stay flat with batch norm and drift without (figure, no number given)"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
