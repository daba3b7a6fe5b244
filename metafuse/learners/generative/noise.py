"""Noise that is a function of a stored seed, so that two identical calls give the same result."""

import zlib

import torch
from jaxtyping import Float
from torch import Tensor


def draw_mirrored(n: int, n_noise: int, seed: int) -> Float[Tensor, "n n_noise"]:
    """Draw normal noise whose mean is zero: each vector with its opposite, and zeros for an odd one out."""
    half = torch.randn(n // 2, n_noise, generator=torch.Generator().manual_seed(seed))
    return torch.cat([half, -half, torch.zeros(n % 2, n_noise)])


def generator_for(seed: int, embedding: Float[Tensor, "n_tasks n dim"]) -> torch.Generator:
    """Make a generator that depends on the seed and on an episode batch: fresh noise for each batch of a training."""
    content = embedding.detach()[..., 0].float().cpu().numpy().tobytes()
    return torch.Generator().manual_seed(zlib.crc32(content, seed))
