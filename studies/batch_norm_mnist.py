"""Does batch norm steady the input of a sigmoid net's layers, and does the net then train better?

Section 4.1 of Ioffe & Szegedy 2015: three layers of 100 sigmoid units, small Gaussian weights, plain SGD on batches of
60. paper: binary MNIST, 50,000 training images, 50,000 steps. quick: scikit-learn's digits, 1,900 steps. The paper
states neither its learning rate nor the size of the weights, whose standard deviation is 0.1 here. Each net is trained
at three rates. Accuracy is compared at each net's best rate on the validation split; speed and the steadiness of inputs
are compared at the same rate, as in the paper's figure.
"""

from litmus import Claim, Percentiles, Study, drift, more, sooner
from litmus.design.protocols import IOFFE_2015_MNIST

WITH, WITHOUT = {"model.norm": "batch"}, {"model.norm": "none"}
RATE = 0.1
LAST_HIDDEN = -1
DRIFT = drift(LAST_HIDDEN)

study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "mlp", "init.scheme": "normal", "init.gain": 10.0,
        "data.name": "digits", "data.batch_size": 60,
        "optim.momentum": 0.0,
        "trainer.epochs": 100, "trainer.probe_every_n_steps": 25,
    },
    factors={"model.norm": ["none", "batch"], "optim.lr": [RATE, 0.3, 1.0]},
    baseline={**WITHOUT, "optim.lr": RATE},
    seeds=4,
    presets={
        "paper": {**IOFFE_2015_MNIST, "trainer.validations_per_epoch": 2, "trainer.probe_every_n_steps": 500},
    },
    probes=["activations"],
    measures={"drift of the last hidden layer's input": DRIFT},
    plots=[Percentiles(LAST_HIDDEN, "Input to the last hidden layer's sigmoid: 15th, 50th, 85th percentile")],
    claims=[
        Claim("With batch norm the net reaches a higher test accuracy.",
              more("test_top1", WITH, than=WITHOUT), "section 4.1, figure 1 (a)", primary=True, answers="yes"),
        Claim("At the same rate, the net with batch norm reaches the best of the net without in fewer steps.",
              sooner({**WITH, "optim.lr": RATE}, than={**WITHOUT, "optim.lr": RATE}, share=1.0),
              "section 4.1, figure 1 (a)", primary=True, answers="yes"),
        Claim("Without batch norm the distribution of a layer's input wanders more.",
              more(DRIFT, {**WITHOUT, "optim.lr": RATE}, than={**WITH, "optim.lr": RATE}),
              "section 4.1, figure 1 (b, c)",
              paper="percentiles stay flat with batch norm and drift without (figure, no number given)", primary=True,
              answers="yes"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
