"""Does batch norm steady the inputs of a sigmoid net's layers, and does the net then train better? (norm)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import more, sooner
from studies.evidence.claims import Claim
from studies.evidence.measures import wander
from studies.evidence.units import NUMBER
from studies.report import plots

PAPER = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167), section 4.1"
WITH, WITHOUT = {"model.norm": "batch"}, {"model.norm": "none"}
LAST_HIDDEN = -1
WANDER = wander(LAST_HIDDEN)


study = register(
    Study(
        name="batch_norm_mnist",
        question="Does batch norm steady the input of a sigmoid net's layers, and does the net then train better?",
        protocol=(
            "Section 4.1 of Ioffe & Szegedy 2015: three layers of 100 sigmoid units, small Gaussian weights, plain SGD "
            "on batches of 60. paper: binary MNIST, 50,000 training images, 50,000 steps. quick: scikit-learn's "
            "digits, 1,900 steps. The paper names neither its learning rate nor the size of the weights: 0.1, and a "
            "standard deviation of 0.1."
        ),
        base={
            "model.name": "mlp",
            "data.name": "digits",
            "data.batch_size": 60,
            "init.scheme": "normal",
            "init.gain": 10.0,
            "optim.lr": 0.1,
            "optim.momentum": 0.0,
            "trainer.epochs": 100,
            "trainer.probe_every_n_steps": 25,
        },
        factors={"model.norm": ["none", "batch"]},
        baseline=WITHOUT,
        seeds=5,
        presets={
            "paper": {
                "data.name": "mnist",
                "data.binary": True,
                "data.validation": 1 / 6,
                "trainer.epochs": 60,
                "trainer.validations_per_epoch": 2,
                "trainer.probe_every_n_steps": 500,
            }
        },
        probes=("activations",),
        measures={"wander of the last hidden layer's input": WANDER},
        plots=(
            plots.percentiles(LAST_HIDDEN, "Input to the last hidden layer's sigmoid: 15th, 50th, 85th percentile"),
        ),
        claims=(
            Claim("With batch norm the net reaches a higher test accuracy.", PAPER, more("test_top1", WITH, WITHOUT)),
            Claim("With batch norm the net trains faster.", PAPER, sooner(WITH, than=WITHOUT)),
            Claim(
                "Without batch norm the distribution of a layer's input wanders more.",
                f"{PAPER}, figure 1 (b, c)",
                more(WANDER, WITHOUT, WITH, NUMBER),
                paper="percentiles stay flat with batch norm and drift without (figure, no number given)",
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
