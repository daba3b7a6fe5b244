"""Many schemas out of few sources: what a source would be without some of its columns, or with one that says nothing.

How columns are weighed is learned over schemas, and a handful of catalogues has a handful of them. A column whose rows
are dealt anew keeps its values, its modality and its name, and agrees with nothing: what is left to know it by is how
it compares with the others.
"""

from dataclasses import replace

import numpy as np
import torch

from metafuse.backbones.column_tokens import ABOUT
from metafuse.fusion.column_facts import N_FACTS
from metafuse.meta_training.sources import TrainingSource, about_columns

KEPT = 0.7
"""Chance that a column stays."""

DEALT_ANEW = 0.15
"""Chance that the rows of a column that stays are dealt anew."""

FEWEST = 2


def vary_schema(source: TrainingSource, n: int, seed: int) -> list[TrainingSource]:
    """Make sources of other schemas out of one.

    Args:
        source: Items of the `column_tokens` backbone.
        n: How many to make.
        seed: Of all draws.
    Returns:
        The source itself, then the others; the same rows and classes in each.
    """
    assert not isinstance(source.items, torch.Tensor)
    columns = {name: x for name, x in source.items.items() if not name.startswith(ABOUT)}
    names = {name: source.items[ABOUT + name][0, N_FACTS:].numpy() for name in columns}
    found = [source]
    for place in range(n):
        generator = np.random.default_rng([seed, place])
        chance = generator.random(len(columns))
        # The columns of highest chance stay where too few would.
        least = np.sort(chance)[-min(FEWEST, len(columns))]
        kept = {name: x for at, (name, x) in enumerate(columns.items()) if chance[at] >= min(1 - KEPT, least)}
        for name in kept:
            if generator.random() < DEALT_ANEW:
                kept[name] = kept[name][torch.from_numpy(generator.permutation(len(kept[name])))]
        pools = {split: replace(pool, name=f"{pool.name}, schema {place + 2}") for split, pool in source.pools.items()}
        found.append(replace(source, items=kept | about_columns(kept, names, seed=seed), pools=pools))
    return found
