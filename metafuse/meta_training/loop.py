"""The outer loop: train a learner over episodes of many sources, keep the best, resume bit for bit.

Every step is a function of the seed, the step's number and the state before it: episodes are drawn by number, and
noise inside a step starts from a seed made of both. So a run that was killed and resumed ends in the same bits.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.backbones.column_tokens import ColumnTokensBackbone
from metafuse.backbones.columns import ColumnsBackbone
from metafuse.episode_evaluation import evaluate_episodes, right_shares
from metafuse.episodes.batch import EpisodeBatch, gather, map_items
from metafuse.episodes.sampler import EpisodeSampler
from metafuse.errors import AdaptationError, ConfigError
from metafuse.learners.episodic import EpisodicLearner, as_module
from metafuse.learners.episodic_spec import LearnerSpec, load_weights
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.sources import TrainingSource
from metafuse.meta_training.state import Progress, advance, restore
from metafuse.task import EpisodeSizes

log = logging.getLogger(__name__)

VALIDATION_SEED = 1
"""Added to the seed for the draws of validation episodes."""
SHOWN = 5
"""Labels named in a message."""

Augment = Callable[[EpisodeBatch, torch.Generator], EpisodeBatch]
"""Changes the items of a training batch; draws from the generator it is given."""


def meta_train_sources(
    spec: LearnerSpec,
    sources: Sequence[TrainingSource],
    sizes: EpisodeSizes,
    settings: MetaTrainingSettings,
    *,
    val_sizes: EpisodeSizes | None = None,
    start: Mapping[str, np.ndarray] | None = None,
    augment: Augment | None = None,
    resume: Progress | None = None,
    on_step: Callable[[int, float, float], None] | None = None,
    on_validation: Callable[[Progress], None] | None = None,
) -> Progress:
    """Train a learner over episodes.

    The weights of the best validation are `Progress.best`; those of the start are among the candidates.

    Args:
        spec: What the learner is built from.
        sources: What episodes are drawn from.
        sizes: Of training episodes.
        settings: How the outer loop runs.
        val_sizes: Of validation episodes; as in training when None.
        start: Weights to start from, such as those of another training; the learner's own when None.
        augment: Changes training items; None for none.
        resume: Where an earlier call stood; its last state when it was killed.
        on_step: Told the step's number, its loss and its accuracy.
        on_validation: Given the state after each validation, to be saved.
    Raises:
        EpisodeError: a source has too few classes or rows for the sizes.
        AdaptationError: a loss or weight is no number; no state with such weights is given to `on_validation`.
    """
    learner = spec.build(start)
    as_module(learner).to(settings.device)
    items = tuple(map_items(source.items, lambda tensor: tensor.to(settings.device)) for source in sources)
    train = EpisodeSampler(
        [source.pools["meta_train"] for source in sources], sizes,
        n_tasks=settings.n_tasks, seed=settings.seed, balance=settings.balance,
    )  # fmt: skip
    validation = EpisodeSampler(
        [source.pools["meta_val"] for source in sources], val_sizes or sizes,
        n_tasks=settings.n_tasks, seed=settings.seed + VALIDATION_SEED,
    )  # fmt: skip
    for name, labels in train.left_out.items():
        log.info("source '%s': %d classes are too small for episodes: %s", name, len(labels), ", ".join(labels[:SHOWN]))
    optimiser = _optimiser(as_module(learner), settings)

    def validate(step: int, steps: Sequence[tuple[float, float]], before: Progress | None) -> Progress:
        with _diverging(step, spec.learner), _autocast(settings):
            _check_finite(as_module(learner))
            found = evaluate_episodes(learner, items, validation, settings.n_val_episodes)
        progress = advance(
            before, step=step, learner=learner, optimiser=optimiser, found=found, steps=steps, settings=settings
        )
        if on_validation is not None:
            on_validation(progress)
        return progress

    if resume is not None:
        load_weights(learner, resume.weights, spec)
        restore(resume, optimiser)
    progress = resume or validate(0, [], None)
    steps: list[tuple[float, float]] = []
    while not progress.finished:
        step = progress.step + len(steps)
        episodes = train.batch(step)
        batch = gather(items[episodes.source], episodes)
        steps.append(
            _outer_step(learner, optimiser, batch, step=step, settings=settings, name=spec.learner, augment=augment)
        )
        if on_step is not None:
            on_step(step + 1, *steps[-1])
        if (step + 1) % settings.eval_every == 0 or step + 1 == settings.outer_steps:
            progress = validate(step + 1, steps, progress)
            steps = []
    return progress


def _outer_step(
    learner: EpisodicLearner,
    optimiser: torch.optim.Optimizer,
    batch: EpisodeBatch,
    *,
    step: int,
    settings: MetaTrainingSettings,
    name: str,
    augment: Augment | None,
) -> tuple[float, float]:
    module = as_module(learner)
    for group in optimiser.param_groups:
        group["lr"] = _rate(settings, step)
    noise = int(np.random.SeedSequence([settings.seed, step, 2]).generate_state(1)[0])
    if augment is not None:
        batch = augment(batch, torch.Generator().manual_seed(noise))
    module.train()
    with _diverging(step + 1, name), torch.random.fork_rng(), _autocast(settings):
        torch.manual_seed(noise)
        loss, logits = learner.loss(batch)
        if settings.pull:
            loss = loss + settings.pull * _distance_from_start(module)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss.item()}, expected a number")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return loss.item(), float(right_shares(logits.detach(), batch.query_class_index).mean())


@contextmanager
def _diverging(step: int, name: str) -> Iterator[None]:
    """Say in words that the numbers of a step are none any more."""
    try:
        yield
    except (FloatingPointError, torch.linalg.LinAlgError) as err:  # type: ignore[attr-defined]
        raise AdaptationError(
            f"step {step} of learner '{name}': {str(err).rstrip('.')}. The last checkpoint written holds the best "
            "weights before it and can be used; to train on, start again with a lower outer_lr or inner_lr."
        ) from err


def _check_finite(module: nn.Module) -> None:
    for name, tensor in module.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise FloatingPointError(f"weight '{name}' is not finite after it, expected numbers")


def _distance_from_start(module: nn.Module) -> Float[Tensor, ""]:
    know_their_start = (ColumnsBackbone, ColumnTokensBackbone)
    distances = [part.distance_from_start() for part in module.modules() if isinstance(part, know_their_start)]
    if not distances:
        raise ConfigError(
            "pull: expected a backbone that knows its start ('columns', 'column_tokens'), got one that does not. Use 0."
        )
    return torch.stack(distances).sum()


def _autocast(settings: MetaTrainingSettings) -> torch.autocast:
    return torch.autocast(settings.device, torch.bfloat16, enabled=settings.uses_bfloat16)


def _rate(settings: MetaTrainingSettings, step: int) -> float:
    rate = settings.outer_lr * min(1.0, (step + 1) / (settings.warm_up + 1))
    if settings.schedule == "constant":
        return rate
    return rate * 0.5 * (1 + math.cos(math.pi * step / settings.outer_steps))


def _optimiser(module: nn.Module, settings: MetaTrainingSettings) -> torch.optim.Optimizer:
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not trained:
        raise ConfigError("nothing to train: the learner and its backbone have no parameters. Choose a backbone.")
    rate, decay = settings.outer_lr, settings.weight_decay
    match settings.optimiser:
        case "sgd":
            return torch.optim.SGD(trained, rate, momentum=0.9, weight_decay=decay)
        case "adamw":
            return torch.optim.AdamW(trained, rate, weight_decay=decay)
    return torch.optim.Adam(trained, rate, weight_decay=decay)
