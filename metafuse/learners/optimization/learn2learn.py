"""learn2learn's MAML, Meta-SGD and ANIL as learners, and metafuse's episodes as its tasks.

learn2learn clones a module for each task and adapts the clone; tasks go one after
another. It is here for comparison: the learners of this package do the same for all tasks side by side.
The head is that of `maml` with head="zero", for any number of classes.

Reference: Arnold et al. 2020, "learn2learn: A Library for Meta-Learning Research", arXiv:2008.12284.
"""

import contextlib
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import skip_init

from metafuse.episodes.batch import EpisodeBatch, Items, Support, map_items
from metafuse.errors import MissingExtraError
from metafuse.learners.episodic import ABSENT_LOGIT, State, class_mask, mask_logits, query_loss
from metafuse.learners.optimization.heads import WEIGHT, balanced_targets, head_shapes, support_loss
from metafuse.learners.optimization.update_rules import check_rate

INSTALL = (
    'pip install "metafuse[learn2learn]" && pip install --no-deps --no-build-isolation --use-pep517 '
    '--config-settings="--build-option=build_ext" learn2learn==0.2.0'
)
STAND_INS = {
    "gym": ("core", "envs", "envs.registration", "error", "spaces", "utils"),
    "torchvision": ("datasets", "datasets.folder", "datasets.omniglot", "transforms"),
}
"""Packages learn2learn imports and MAML does not need, with the modules of them it names."""


class Learn2LearnLearner(nn.Module):
    """Runs one of learn2learn's algorithms over the tasks of a batch.

    Args:
        backbone: Embeds items.
        algorithm: "maml", "meta_sgd" or "anil".
        inner_steps: Gradient steps on the support set.
        inner_lr: Their rate, or where the learned rates start.
        first_order: Take inner gradients as constants.
    Raises:
        MissingExtraError: learn2learn is not installed.
        ConfigError: the rate is not over 0.
    """

    def __init__(
        self, backbone: nn.Module, *, algorithm: str, inner_steps: int, inner_lr: float, first_order: bool
    ) -> None:
        super().__init__()
        self.algorithms = import_learn2learn().algorithms
        self.backbone, self.algorithm, self.adapts_backbone = backbone, algorithm, algorithm != "anil"
        self.inner_steps, self.inner_lr, self.first_order = inner_steps, check_rate(inner_lr), first_order
        self.rates = nn.ParameterList()
        if algorithm == "meta_sgd":
            shapes = [tuple(parameter.shape) for parameter in backbone.parameters()]
            shapes += head_shapes("zero", None, getattr(backbone, "dim", None)).values()
            self.rates.extend(nn.Parameter(torch.full(shape, inner_lr)) for shape in shapes)

    def adapt(self, support: Support) -> State:
        """Adapt a clone to each task in turn; see `EpisodicLearner.adapt`."""
        targets, keep_graph = balanced_targets(support), torch.is_grad_enabled()
        with torch.enable_grad():
            adapted = [self._adapt_one(_take(support.items, task), target) for task, target in enumerate(targets)]
        state = {name: torch.stack([task[name] for task in adapted]) for name in adapted[0]}
        state = state if keep_graph else {name: tensor.detach() for name, tensor in state.items()}
        return {**state, "class_mask": class_mask(support)}

    def logits(self, state: State, query: Items) -> Float[Tensor, "n_tasks n_query n_way"]:
        """Score query items, task after task."""
        model = _Classifier(self.backbone, state[WEIGHT][0])
        logits = []
        for task in range(len(state["class_mask"])):
            weights = {name: tensor[task] for name, tensor in state.items() if name != "class_mask"}
            logits.append(functional_call(model, weights, (_take(query, task),)))
        return mask_logits(torch.stack(logits), state["class_mask"])

    def loss(self, batch: EpisodeBatch) -> tuple[Float[Tensor, ""], Float[Tensor, "n_tasks n_query n_way"]]:
        """Cross entropy of the query items."""
        logits = self.logits(self.adapt(batch.support), batch.query)
        return query_loss(logits, batch), logits

    def _adapt_one(self, items: Any, target: Float[Tensor, "n_support n_way"]) -> dict[str, Tensor]:
        if self.algorithm == "anil":
            embedding = items = self.backbone(items)
        else:
            with torch.no_grad():
                embedding = self.backbone(map_items(items, lambda tensor: tensor[:2]))
        model = _Classifier(self.backbone, embedding.new_zeros(target.shape[1], embedding.shape[1]))
        learner = self._wrap(model.head if self.algorithm == "anil" else model).clone()
        present = target.sum(0) > 0
        for _ in range(self.inner_steps):
            learner.adapt(support_loss(learner(items).masked_fill(~present, ABSENT_LOGIT), target))
        prefix = "head." if self.algorithm == "anil" else ""
        return {f"{prefix}{name}": tensor for name, tensor in learner.module.named_parameters()}

    def _wrap(self, model: nn.Module) -> Any:
        if self.algorithm != "meta_sgd":
            return self.algorithms.MAML(model, lr=self.inner_lr, first_order=self.first_order, allow_unused=True)
        parameters = list(model.parameters())
        rates = [rate.expand_as(parameter) for rate, parameter in zip(self.rates, parameters, strict=True)]
        return self.algorithms.MetaSGD(model, first_order=self.first_order, lrs=rates)


def l2l_maml(
    backbone: nn.Module, *, inner_steps: int = 5, inner_lr: float = 0.4, first_order: bool = False
) -> Learn2LearnLearner:
    """Build learn2learn's MAML."""
    return Learn2LearnLearner(
        backbone, algorithm="maml", inner_steps=inner_steps, inner_lr=inner_lr, first_order=first_order
    )


def l2l_meta_sgd(
    backbone: nn.Module, *, inner_steps: int = 5, inner_lr: float = 0.4, first_order: bool = False
) -> Learn2LearnLearner:
    """Build learn2learn's Meta-SGD."""
    return Learn2LearnLearner(
        backbone, algorithm="meta_sgd", inner_steps=inner_steps, inner_lr=inner_lr, first_order=first_order
    )


def l2l_anil(
    backbone: nn.Module, *, inner_steps: int = 5, inner_lr: float = 0.4, first_order: bool = False
) -> Learn2LearnLearner:
    """Build ANIL with learn2learn's MAML around the head."""
    return Learn2LearnLearner(
        backbone, algorithm="anil", inner_steps=inner_steps, inner_lr=inner_lr, first_order=first_order
    )


def episode_tasks(batch: EpisodeBatch) -> Iterator[tuple[tuple[Any, Tensor], tuple[Any, Tensor]]]:
    """Hand episodes to code written for learn2learn: for each task, data and labels to adapt to and to evaluate on.

    Padding is left out.
    """
    for task in range(len(batch.query_class_index)):
        halves = []
        sides = ((batch.support.items, batch.support.class_index), (batch.query, batch.query_class_index))
        for items, class_index in sides:
            there = class_index[task] >= 0
            halves.append((_take(items, (task, there)), class_index[task][there]))
        yield halves[0], halves[1]


def import_learn2learn() -> Any:
    """Import learn2learn, with stand-ins for what it imports and MAML does not need.

    The stand-ins are for packages that are not installed, and gone when this returns.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        with _stand_ins():
            return importlib.import_module("learn2learn")
    except ModuleNotFoundError as err:
        raise MissingExtraError(f"this learner needs learn2learn, which is not installed: {INSTALL}") from err


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    names = [
        f"{package}.{module}".rstrip(".")
        for package, modules in STAND_INS.items()
        if package not in sys.modules and importlib.util.find_spec(package) is None
        for module in ("", *modules)
    ]
    sys.modules.update({name: _StandIn(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


class _StandIn(types.ModuleType):
    """A package whose every name is an empty class."""

    __path__: list[str] = []  # noqa: RUF012  # the import system asks for it on packages

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Blank,), {})


class _Blank:
    def __init__(self, *arguments: object, **options: object) -> None:
        pass


class _Classifier(nn.Module):
    def __init__(self, backbone: nn.Module, weight: Float[Tensor, "n_way dim"]) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = skip_init(nn.Linear, weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, items: Any) -> Float[Tensor, "n_items n_way"]:
        return self.head(self.backbone(items))


def _take(items: Items, task: int | tuple[int, Tensor]) -> Any:
    return map_items(items, lambda tensor: tensor[task])
