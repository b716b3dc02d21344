"""Is less internal covariate shift the reason why batch norm helps? (norm: none, batch, noisy batch)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import alike, more
from studies.evidence.claims import Claim
from studies.evidence.measures import logarithm, probed, wander
from studies.evidence.units import NUMBER, Unit

SANTURKAR = "Santurkar et al. 2018, How Does Batch Normalization Help Optimization? (arXiv 1805.11604)"
IOFFE = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167), section 2"
NONE, BATCH, NOISY = ({"model.norm": norm} for norm in ("none", "batch", "noisy_batch"))
DECADES = Unit("decades", "decades", decimals=3)
WANDER = wander(-1)


study = register(
    Study(
        name="covariate_shift",
        question="Does batch norm help because it reduces internal covariate shift?",
        protocol=(
            "Three arms: no norm, batch norm, and batch norm with random shifts and scales after it that change at "
            "every step (Santurkar et al. 2018, appendix). quick: a plain network of 8 layers on scikit-learn's "
            "digits; paper: VGG-16 on CIFAR-10. Shift of a layer: the distance of its gradient before and after the "
            "earlier layers' update, by the gradient's norm (definition 2.1)."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.residual": False,
            "model.depth": 8,
            "model.width": 8,
            "data.name": "digits",
            "data.batch_size": 64,
            "optim.lr": 0.03,
            "trainer.epochs": 20,
            "trainer.probe_every_n_steps": 20,
        },
        factors={"model.norm": ["none", "batch", "noisy_batch"]},
        baseline=NONE,
        seeds=8,
        presets={
            "paper": {
                "model.name": "vgg16_cifar",
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "optim.lr": 0.1,
                "trainer.epochs": 100,
                "trainer.probe_every_n_steps": 500,
            }
        },
        probes=("activations", "covariate_shift", "gradient_predictiveness"),
        measures={
            "shift by gradient norm": probed("relative_shift"),
            "cosine before and after": probed("cosine"),
            "wander of the last layer's input": WANDER,
            "change of the gradient along itself": probed("smoothness"),
        },
        claims=(
            Claim(
                "Batch norm is more accurate than none.",
                IOFFE,
                more("test_top1", BATCH, NONE),
            ),
            Claim(
                "Batch norm reduces internal covariate shift.",
                IOFFE,
                more(probed("relative_shift"), NONE, BATCH, NUMBER),
            ),
            Claim(
                "Noise after batch norm makes the layers' inputs less steady than no norm does.",
                f"{SANTURKAR}, figure 2",
                more(WANDER, NOISY, NONE, NUMBER),
            ),
            Claim(
                "With that noise it still fits the training set as well as without noise, to two points.",
                f"{SANTURKAR}, figure 2",
                alike("train_top1", NOISY, BATCH),
                threshold=0.02,
            ),
            Claim(
                "Its test accuracy, where there is no noise, is as good, to two points.",
                f"{SANTURKAR}, figure 2",
                alike("test_top1", NOISY, BATCH),
                threshold=0.02,
            ),
            Claim(
                "Batch norm makes the gradient change less along its own direction.",
                f"{SANTURKAR}, figure 4",
                more(logarithm(probed("smoothness")), NONE, BATCH, DECADES),
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
