"""Trains what fuses blocks of features, together with a linear classifier on top, from where it changes nothing.

    min over parameters  mean_i cross_entropy(t_i, logits(drop(x_i))) + penalty * |parameters - start|^2

Modality dropout: at each step every block of a row but one is left out with some probability, and the row scaled to
length one again, so that the result knows rows that lack a modality.

Reference: Neverova et al. 2016, "ModDrop", arXiv:1501.00102. Deviation: a fixed number of full-batch Adam steps, as the
rows are few.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from metafuse.fusion.blocks import indicator

N_STEPS = 60
LEARNING_RATE = 0.02
DROPOUT = 0.25
PENALTY = 0.02
"""Heavy: labels are few, and the start is a good answer already."""


def train_blocks(
    start: Mapping[str, Float[np.ndarray, "..."]],
    logits: Callable[..., object],
    rows: tuple[Float[np.ndarray, "n dim"], Float[np.ndarray, "n n_way"], Float[np.ndarray, " n"]],
    widths: Sequence[int],
    seed: int,
) -> dict[str, Float[np.ndarray, "..."]]:
    """Train parameters by gradient descent.

    Args:
        start: Parameters by name, from which they are pulled away only by what the rows say.
        logits: Takes embeddings and the parameters by name, as tensors; returns class scores.
        rows: Embeddings, targets and weights.
        widths: Of the blocks.
        seed: Draws the blocks that are left out.
    """
    import torch

    x, targets, weight = (torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32)) for part in rows)
    first = {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in start.items()}
    learned = {name: value.clone().requires_grad_() for name, value in first.items()}
    places, generator = torch.from_numpy(indicator(widths)), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(learned.values(), lr=LEARNING_RATE)
    share = weight / weight.sum()
    for _ in range(N_STEPS):
        drawn = torch.rand(len(x), len(widths), generator=generator)
        has = x.square() @ places.T > 0
        # One block that the row has always stays.
        last = torch.where(has, drawn, -1.0).argmax(dim=1, keepdim=True)
        kept = (drawn >= DROPOUT).scatter(1, last, value=True).float() @ places
        seen = torch.nn.functional.normalize(x * kept, dim=1)
        said = torch.log_softmax(logits(seen, **learned), dim=1)  # type: ignore[arg-type]
        away = sum((learned[name] - first[name]).square().sum() for name in first)
        loss = -(share * (targets * said).sum(dim=1)).sum() + PENALTY * away
        optimiser.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimiser.step()
    return {name: value.detach().numpy() for name, value in learned.items()}
