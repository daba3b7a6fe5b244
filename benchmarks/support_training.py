"""A network trained on a support set by ordinary supervised training, under a linear head."""

import torch
from small_sources import Labelled
from torch import Tensor, nn

STEPS, RATE, BATCH = 200, 1e-3, 96


def embed(backbone: nn.Module, x: Tensor) -> Tensor:
    """Embed each channel as an item of its own, and lay them side by side."""
    items = x.flatten(0, 1).unsqueeze(1) if x.ndim == 3 else x
    return backbone(items).unflatten(0, (len(x), -1)).flatten(1)


def fit(backbone: nn.Module, head: nn.Linear, support: Labelled, seed: int) -> None:
    """Train network and head on the support set."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam([*backbone.parameters(), *head.parameters()], RATE)
    n_channels = support.x.shape[1] if support.x.ndim == 3 else 1
    backbone.train()
    for _ in range(STEPS):
        rows = torch.randperm(len(support.x), generator=generator)[: max(BATCH // n_channels, 8)]
        loss = nn.functional.cross_entropy(head(embed(backbone, support.x[rows])), support.class_index[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    backbone.eval()
