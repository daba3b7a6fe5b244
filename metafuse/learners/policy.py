"""How to adapt, as a function of what a source shows: the few numbers that were learned over many sources.

    number = scale * product over traits of trait^power,    kept between low and high

What transfers from source to source is how to adapt. `policy.json` holds the scales and powers, fitted to episodes of
public sets by `benchmarks/policy_training.py`. Three numbers follow the traits there; `name_rows` and `sharpness` have
no powers and are constants, fitted too and other than the defaults of `AdaptationNumbers`: those are for a policy that
has no law of a number, as `CONSTANTS`.
Only what helped on families of sources left out is here. Functions of the number of classes, their balance, the spread
of the embeddings or the worth of the names did not, nor did any for the weights of the heads, their temperature, or how
far the graph's prototypes are relied on: those are constants beside the code that uses them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import resources

import numpy as np

from metafuse.errors import ArtifactError

POLICY_FILE = "policy.json"


@dataclass(frozen=True)
class SourceTraits:
    """What a source shows before anything is fitted to it.

    Args:
        labels_per_class: Labelled rows a class, on average.
        pool_per_class: Unlabelled rows a class, on average; at least 1.
    """

    labels_per_class: float
    pool_per_class: float


@dataclass(frozen=True)
class AdaptationNumbers:
    """How to adapt to a view of a source. The defaults are constants for any source.

    Args:
        c: Inverse penalty of logistic regression on labels and class names.
        name_rows: Labelled rows that a class name counts for where names label the support set well.
        seed_weight: Of the posterior in the graph, beside 1 for a label.
        alpha: Share of its neighbours in a row's distribution at each step of propagation, below 1.
        sharpness: Power of the distributions that self-training takes as targets.
    """

    c: float = 10.0
    name_rows: float = 1.0
    seed_weight: float = 0.5
    alpha: float = 0.8
    sharpness: float = 5.0


@dataclass(frozen=True)
class PowerLaw:
    """A number as a bounded product of powers of traits."""

    scale: float
    powers: Mapping[str, float]
    low: float
    high: float

    def value(self, traits: SourceTraits) -> float:
        """Evaluate it."""
        found = self.scale
        for trait, power in self.powers.items():
            found *= getattr(traits, trait) ** power
        return min(max(found, self.low), self.high)


@dataclass(frozen=True)
class Policy:
    """A law a number; numbers without one are constants."""

    laws: Mapping[str, PowerLaw]

    def choose(self, traits: SourceTraits) -> AdaptationNumbers:
        """Return the numbers for a source that shows these traits."""
        return replace(AdaptationNumbers(), **{number: law.value(traits) for number, law in self.laws.items()})


def parse_policy(content: str) -> Policy:
    """Read a policy from JSON: number -> scale, powers by trait, low and high.

    Raises:
        ArtifactError: it is no JSON, or names a number or trait that is unknown, or a value is out of range.
    """
    try:
        laws = {
            number: PowerLaw(
                float(entry["scale"]),
                {trait: float(power) for trait, power in entry["powers"].items()},
                float(entry["low"]),
                float(entry["high"]),
            )
            for number, entry in json.loads(content)["laws"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise ArtifactError(
            f"the adaptation policy is damaged ({err}): expected laws with scale, powers, low and high. "
            "Install metafuse again."
        ) from err
    numbers, traits = ({field.name for field in fields(kind)} for kind in (AdaptationNumbers, SourceTraits))
    for number, law in laws.items():
        unknown = sorted({number} - numbers | law.powers.keys() - traits)
        if unknown:
            raise ArtifactError(
                f"the adaptation policy names {', '.join(unknown)}, which this version does not know. "
                "Install metafuse again."
            )
        if not (np.isfinite([law.scale, *law.powers.values()]).all() and law.scale > 0 and 0 <= law.low <= law.high):
            raise ArtifactError(
                f"the adaptation policy's law of {number} is out of range: expected finite values, scale > 0 and "
                f"0 <= low <= high, got {law}. Install metafuse again."
            )
    return Policy(laws)


CONSTANTS = Policy({})
"""The same numbers for every source."""


@cache
def load_policy() -> Policy:
    """Read the policy that ships with the package.

    Raises:
        ArtifactError: the file is damaged.
    """
    return parse_policy(resources.files("metafuse.learners").joinpath(POLICY_FILE).read_text(encoding="utf-8"))
