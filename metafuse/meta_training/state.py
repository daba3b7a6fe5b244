"""Where a training stands: weights, optimiser and history, as arrays that can be saved."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from metafuse.episode_evaluation import EpisodeAccuracy
from metafuse.learners.episodic import EpisodicLearner
from metafuse.learners.episodic_spec import take_weights
from metafuse.meta_training.settings import MetaTrainingSettings


@dataclass(frozen=True)
class Validation:
    """One look at the meta_val classes.

    Args:
        step: Outer steps done before it.
        loss: Mean training loss since the last one; NaN at step 0.
        train_accuracy: Mean training accuracy since the last one, 0..1; NaN at step 0.
        accuracy: Mean over the validation episodes, 0..1.
        half_width: Of its 95 % interval.
    """

    step: int
    loss: float
    train_accuracy: float
    accuracy: float
    half_width: float

    def in_words(self) -> str:
        """One line."""
        found = f"step {self.step}: meta_val accuracy {100 * self.accuracy:.2f} % ± {100 * self.half_width:.2f}"
        if self.step == 0:
            return f"{found}, before any training"
        return f"{found}, training loss {self.loss:.4f}, accuracy {100 * self.train_accuracy:.2f} %"


@dataclass(frozen=True)
class Progress:
    """Where a training stands: all that the next step depends on.

    Args:
        step: Outer steps done.
        weights: Learner as it is now.
        best: Learner as it was at the best validation.
        optimiser: State of the outer optimiser, "parameter number/name" -> tensor.
        history: Validations so far; the first one is of the start, before any step.
        finished: No step is left: the last was done, or patience ran out.
    """

    step: int
    weights: Mapping[str, np.ndarray]
    best: Mapping[str, np.ndarray]
    optimiser: Mapping[str, np.ndarray]
    history: tuple[Validation, ...]
    finished: bool

    @property
    def best_validation(self) -> Validation:
        """See `find_best`."""
        return find_best(self.history)


def find_best(history: Sequence[Validation]) -> Validation:
    """Find the first validation with the best mean."""
    return max(history, key=lambda each: each.accuracy)


def advance(
    before: Progress | None,
    *,
    step: int,
    learner: EpisodicLearner,
    optimiser: torch.optim.Optimizer,
    found: EpisodeAccuracy,
    steps: Sequence[tuple[float, float]],
    settings: MetaTrainingSettings,
) -> Progress:
    """Take the state after a validation.

    Args:
        before: State after the validation before; None for the first.
        step: Outer steps done.
        learner: Being trained.
        optimiser: The outer optimiser.
        found: What the validation found.
        steps: Loss and accuracy of each step since the validation before.
        settings: How long to go on.
    """
    loss, train_accuracy = np.mean(steps, axis=0).tolist() if steps else (math.nan, math.nan)
    latest = Validation(step, loss, train_accuracy, found.mean, found.half_width)
    history = (*(before.history if before else ()), latest)
    weights = take_weights(learner)
    is_best = before is None or latest.accuracy > before.best_validation.accuracy
    best = weights if is_best or before is None else before.best
    progress = Progress(step, weights, best, _optimiser_state(optimiser), history, finished=False)
    waited = sum(each.step > progress.best_validation.step for each in history)
    stop = step >= settings.outer_steps or (settings.patience > 0 and waited >= settings.patience)
    return replace(progress, finished=stop)


def _optimiser_state(optimiser: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    return {
        f"{place}/{name}": tensor.detach().cpu().numpy().copy()
        for place, values in optimiser.state_dict()["state"].items()
        for name, tensor in values.items()
        if isinstance(tensor, Tensor)
    }


def restore(progress: Progress, optimiser: torch.optim.Optimizer) -> None:
    """Put a saved state into an outer optimiser of the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, array in progress.optimiser.items():
        place, _, name = key.partition("/")
        state.setdefault(int(place), {})[name] = torch.from_numpy(np.array(array))
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
