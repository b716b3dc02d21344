"""What the claims of `training_recipe` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import worlds

INGREDIENTS = ("augmentation", "the cosine", "warm-up", "label smoothing", "weight decay")
ARMS = {ingredient: f"without {ingredient.removeprefix('the ')}" for ingredient in INGREDIENTS}

CLAIMS = {
    "The recipe is more accurate than plain training.": better("recipe", "plain"),
    **{f"Without {ingredient} the recipe is less accurate.": better("recipe", arm) for ingredient, arm in ARMS.items()},
}

RIGHT, WRONG = worlds(
    {
        "recipe": (0.9, 0.7),
        "plain": (0.7, 0.9),
        **{arm: (0.8 - 0.01 * place, 0.75 + 0.01 * place) for place, arm in enumerate(ARMS.values())},
    }
)
