"""Does batch norm help because it reduces internal covariate shift?

Three arms: no norm, batch norm, and batch norm with random shifts and scales after it that change at every step
(Santurkar et al. 2018, appendix); each tunes its learning rate. Two papers define the shift, and each is judged by its
definition: Ioffe & Szegedy by how far the distribution of a layer's input wanders in training, Santurkar et al. by the
distance of a layer's gradient before and after the earlier layers' update, over the gradient's norm (definition 2.1).
Norms are evaluated by the statistics of the evaluated batch, since averages that were taken under noise are none of a
network without it. quick: a plain network of 14 layers on drawn shapes; paper: VGG-16 on CIFAR-10.
"""

from litmus import Claim, Study, alike, drift, logarithm, more, probed

IOFFE = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)"
NONE, BATCH, NOISY = ({"model.norm": norm} for norm in ("none", "batch", "noisy_batch"))
SHIFT, SMOOTHNESS, DRIFT = probed("relative_shift"), probed("smoothness"), drift(-1)

study = Study(
    source="Santurkar et al. 2018, How Does Batch Normalization Help Optimization? (arXiv 1805.11604)",
    base={
        "model.name": "resnet_cifar", "model.residual": False, "model.depth": 14, "model.width": 8,
        "norm.evaluation_statistics": "batch",
        "data.name": "shapes", "data.image_size": 16, "data.train_images": 2000, "data.test_images": 4000,
        "data.batch_size": 64, "data.eval_batch_size": 500,
        "optim.lr": 0.03, "optim.schedule": "cosine", "trainer.epochs": 8, "trainer.probe_every_n_steps": 25,
    },
    factors={"model.norm": ["none", "batch", "noisy_batch"]},
    baseline=NONE,
    seeds=8,
    tune={"optim.lr": [0.03, 0.1]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.01, 0.03, 0.1]},
            "model.name": "vgg16_cifar",
            "data.name": "cifar10", "data.batch_size": 128, "data.augment": "cifar",
            "optim.lr": 0.1, "optim.schedule": "constant", "trainer.epochs": 100, "trainer.probe_every_n_steps": 500,
        }
    },
    probes=["activations", "covariate_shift", "gradient_predictiveness"],
    measures={
        "shift by gradient norm": SHIFT,
        "cosine before and after": probed("cosine"),
        "drift of the last layer's input": DRIFT,
        "change of the gradient along itself": SMOOTHNESS,
    },
    claims=[
        Claim("Batch norm is more accurate than none.",
              more("test_top1", BATCH, than=NONE), "section 4.1, figure 1a", source=IOFFE),
        Claim("Batch norm steadies the distribution of a layer's input.",
              more(DRIFT, NONE, than=BATCH), "section 4.1, figure 1b and c", source=IOFFE),
        # not checked at the source: the section
        Claim("Batch norm does not make the layers' gradients change less by the earlier layers' update: by a tenth.",
              more(logarithm(SHIFT), BATCH, than=NONE), "section 2.2, figure 3", threshold=-0.0458),  # log10(0.9)
        Claim("Noise after batch norm makes the layers' inputs less steady than no norm does.",
              more(DRIFT, NOISY, than=NONE), "figure 2", primary=True),
        Claim("With that noise it still fits the training set better than no norm.",
              more("fit_top1", NOISY, than=NONE), "figure 2", primary=True, answers="no"),
        Claim("It fits it as well as without noise, to two points.",
              alike("fit_top1", NOISY, BATCH), "figure 2", threshold=0.02),
        Claim("Batch norm makes the gradient change less along its own direction.",
              more(logarithm(SMOOTHNESS), NONE, than=BATCH), "figure 4"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
