"""What an arm chooses of its trials."""

from litmus.evidence.tuning import choice, edges_of

POINTS = [{"optim.lr": lr} for lr in (0.1, 0.3, 1.0)]


def test_the_best_trial_is_chosen_and_of_several_alike_one_off_the_edge() -> None:
    assert choice(POINTS, [0.7, 0.8, 0.9], higher_is_better=True) == 2
    assert choice(POINTS, [0.9, 0.9, 0.9], higher_is_better=True) == 1
    assert choice(POINTS, [0.7, 0.8, 0.9], higher_is_better=False) == 0


def test_a_trial_that_diverged_is_not_chosen_over_one_below_guessing() -> None:
    assert choice(POINTS, [0.22, 0.25, 0.25], higher_is_better=True, failed=[1, 2]) == 0
    assert choice(POINTS, [0.25, 0.25, 0.25], higher_is_better=True, failed=[0, 1, 2]) == 1


def test_nothing_is_chosen_while_a_trial_is_missing() -> None:
    assert choice(POINTS, [0.7, float("nan"), 0.9], higher_is_better=True) is None


def test_edges_are_those_of_numbers() -> None:
    points = [{"optim.lr": lr, "model.norm": norm} for lr in (0.1, 1.0, 0.3) for norm in ("none", "batch")]
    assert edges_of(points, points[0]) == {"optim.lr": (True, False)}
    assert edges_of(points, points[2]) == {"optim.lr": (False, True)}
    assert edges_of(points, points[4]) == {}
