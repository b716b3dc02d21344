"""Which ingredients of a modern training recipe carry it?

The recipe is trained with and without each ingredient, and against plain training, which has none: crops and flips, a
rate that falls to zero along a cosine after a warm-up, label smoothing, weight decay. All arms have one learning rate
and as many epochs. quick: LeNet-5 with ReLU, max pooling and batch norm on 540 drawn shapes of 32 pixels. paper:
ResNet-20 on CIFAR-10, 182 epochs. The averages of weights that later recipes add are not among the ingredients.
"""

from litmus import Claim, Levels, Study, more
from litmus.design.protocols import CIFAR_STEPWISE

DENSENET = "Huang et al. 2016, Densely Connected Convolutional Networks (arXiv 1608.06993)"
WIGHTMAN = "Wightman et al. 2021, ResNet strikes back (arXiv 2110.00476)"

PLAIN: Levels = {
    "data.augment": "none", "optim.schedule": "constant", "optim.warmup": 0.0, "optim.label_smoothing": 0.0,
    "optim.weight_decay": 0.0,
}  # fmt: skip
RECIPE: Levels = {
    "data.augment": "cifar", "optim.schedule": "cosine", "optim.warmup": 0.1, "optim.label_smoothing": 0.1,
    "optim.weight_decay": 0.005,
}  # fmt: skip
INGREDIENTS = {
    "augmentation": "data.augment", "cosine": "optim.schedule", "warm-up": "optim.warmup",
    "label smoothing": "optim.label_smoothing", "weight decay": "optim.weight_decay",
}  # fmt: skip


def without(ingredient: str) -> str:
    return f"without {ingredient}"


study = Study(
    source="He et al. 2018, Bag of Tricks for Image Classification (arXiv 1812.01187)",
    base={
        "model.name": "lenet5", "model.norm": "batch",
        "data.name": "shapes", "data.num_classes": 6, "data.train_images": 600, "data.test_images": 5000,
        "data.batch_size": 50, "optim.lr": 0.05, "trainer.epochs": 25,
    },
    factors=list(RECIPE),
    arms={
        "plain": PLAIN,
        "recipe": RECIPE,
        **{without(name): {**RECIPE, key: PLAIN[key]} for name, key in INGREDIENTS.items()},
    },
    baseline="recipe",
    seeds=5,
    presets={"paper": {**CIFAR_STEPWISE, "model.name": "resnet20"}},
    limits={
        "quick": "Single ingredients are worth a point or two where they are worth much; 25 epochs of 540 images show "
        "those that count for more. The weight decay is ten times that of most recipes, since the run is short."
    },
    claims=[
        # not checked at the source: the sections of all claims
        Claim("The recipe is more accurate than plain training.",
              more("test_top1", "recipe", than="plain"), "table 6", primary=True, answers="yes",
              paper="ResNet-50 on ImageNet, all refinements: 75.3 % to 79.3 %"),
        Claim("Without augmentation the recipe is less accurate.",
              more("test_top1", "recipe", than=without("augmentation")), "table 2 (C10 against C10+)", source=DENSENET,
              primary=True),
        Claim("Without the cosine the recipe is less accurate.",
              more("test_top1", "recipe", than=without("cosine")), "section 5.1", primary=True),
        Claim("Without warm-up the recipe is less accurate.",
              more("test_top1", "recipe", than=without("warm-up")), "section 3.1"),
        Claim("Without label smoothing the recipe is less accurate.",
              more("test_top1", "recipe", than=without("label smoothing")), "section 5.2"),
        Claim("Without weight decay the recipe is less accurate.",
              more("test_top1", "recipe", than=without("weight decay")), "section 3", source=WIGHTMAN),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
