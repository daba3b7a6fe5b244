"""How the outer loop runs."""

from dataclasses import dataclass

from metafuse.errors import ConfigError

SCHEDULES = ("constant", "cosine")
OPTIMISERS = ("adam", "adamw", "sgd")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class MetaTrainingSettings:
    """How the outer loop runs.

    Args:
        outer_steps: Steps at most.
        outer_lr: Learning rate of the outer optimiser at its start.
        optimiser: "adam", "adamw" or "sgd" (momentum 0.9).
        weight_decay: Of the outer optimiser.
        schedule: "constant", or "cosine" down to zero at the last step.
        warm_up: Steps in which the learning rate rises to `outer_lr`.
        n_tasks: Episodes a step.
        pull: Multiple of the backbone's squared distance from its start that is added to the loss.
        eval_every: Steps between two validations.
        n_val_episodes: Episodes of a validation.
        patience: Validations without a better mean after which training stops; 0 for never.
        balance: "source": sources take turns evenly; "class": in proportion to their classes.
        seed: Of episodes and noise.
        device: "cpu" or "cuda".
        precision: "bfloat16" runs the forward pass in it where that is safe (AMP); "auto" does so on cuda.
    Raises:
        ConfigError: a value out of its range.
    """

    outer_steps: int = 2000
    outer_lr: float = 1e-3
    optimiser: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warm_up: int = 0
    n_tasks: int = 8
    pull: float = 0.0
    eval_every: int = 100
    n_val_episodes: int = 600
    patience: int = 5
    balance: str = "source"
    seed: int = 0
    device: str = "cpu"
    precision: str = "auto"

    def __post_init__(self) -> None:
        least = {
            "outer_steps": 1,
            "n_tasks": 1,
            "eval_every": 1,
            "n_val_episodes": 1,
            "patience": 0,
            "seed": 0,
            "warm_up": 0,
        }
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ConfigError(f"{name}: expected {bound} or more, got {getattr(self, name)}. Raise it.")
        if not self.outer_lr > 0:
            raise ConfigError(f"outer_lr: expected a number over 0, got {self.outer_lr}. 0.001 is usual.")
        for name in ("pull", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name}: expected 0 or more, got {getattr(self, name)}. Use 0 for none.")
        for name, known in {"schedule": SCHEDULES, "optimiser": OPTIMISERS, "precision": PRECISIONS}.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"unknown {name} '{getattr(self, name)}'. Known: {', '.join(known)}.")

    @property
    def uses_bfloat16(self) -> bool:
        """Whether the forward pass runs in bfloat16."""
        return self.precision == "bfloat16" or (self.precision == "auto" and self.device == "cuda")
