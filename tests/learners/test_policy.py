import json
from dataclasses import asdict, fields

import numpy as np
import pytest

from metafuse.errors import ArtifactError
from metafuse.fusion.early import fit_early_fusion
from metafuse.learners.auto import AutoLearner
from metafuse.learners.policy import (
    CONSTANTS,
    AdaptationNumbers,
    Policy,
    PowerLaw,
    SourceTraits,
    load_policy,
    parse_policy,
)
from metafuse.learners.view import read_view

LAW = {"scale": 2.0, "powers": {"labels_per_class": 0.5}, "low": 1.0, "high": 10.0}


@pytest.mark.parametrize(
    ("labels", "pool", "expected"), [(4.0, 100.0, 0.3 * 2 * 10), (1.0, 1.0, 1.0), (16.0, 1e4, 8.0)]
)
def test_law_is_a_product_of_powers_kept_between_its_bounds(labels, pool, expected):
    law = PowerLaw(0.3, {"labels_per_class": 0.5, "pool_per_class": 0.5}, low=1.0, high=8.0)
    assert law.value(SourceTraits(labels, pool)) == pytest.approx(expected)


def test_law_without_powers_is_a_constant():
    assert PowerLaw(3.0, {}, low=1.0, high=8.0).value(SourceTraits(7.0, 9.0)) == 3.0


def test_numbers_without_a_law_are_constants():
    chosen = Policy({"c": PowerLaw(5.0, {}, 1.0, 9.0)}).choose(SourceTraits(1.0, 1.0))
    assert asdict(chosen) == asdict(AdaptationNumbers()) | {"c": 5.0}
    assert CONSTANTS.choose(SourceTraits(1.0, 50.0)) == AdaptationNumbers()


def test_parsed_policy_has_the_laws_of_the_file():
    assert parse_policy(json.dumps({"laws": {"c": LAW}})) == Policy(
        {"c": PowerLaw(2.0, {"labels_per_class": 0.5}, 1.0, 10.0)}
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "policy is damaged .* expected laws with scale"),
        ("[]", "policy is damaged"),
        ("{}", "policy is damaged .'laws'."),
        (json.dumps({"laws": {"c": {"scale": 1}}}), "policy is damaged .'powers'."),
        (json.dumps({"laws": {"c": LAW | {"scale": "much"}}}), "policy is damaged"),
        (json.dumps({"laws": {"warmth": LAW}}), "names warmth, which this version does not know"),
        (json.dumps({"laws": {"c": LAW | {"powers": {"mood": 1}}}}), "names mood, which"),
        (json.dumps({"laws": {"c": LAW | {"scale": float("nan")}}}), "law of c is out of range"),
        (json.dumps({"laws": {"c": LAW | {"scale": -1}}}), "law of c is out of range"),
        (json.dumps({"laws": {"c": LAW | {"low": 11}}}), "law of c is out of range: expected finite values"),
    ],
)
def test_damaged_policy_is_refused(content, message):
    with pytest.raises(ArtifactError, match=message):
        parse_policy(content)


@pytest.mark.parametrize("labels", [1.0, 3.0, 100.0])
@pytest.mark.parametrize("pool", [1.0, 30.0, 1e4])
def test_shipped_policy_gives_usable_numbers(labels, pool):
    chosen = load_policy().choose(SourceTraits(labels, pool))
    assert all(np.isfinite(getattr(chosen, field.name)) for field in fields(chosen))
    assert 0 < chosen.alpha < 1
    assert min(asdict(chosen).values()) > 0


def test_shipped_policy_leans_on_labels_more_where_there_are_more():
    policy = load_policy()
    assert policy.choose(SourceTraits(10.0, 50.0)).c > policy.choose(SourceTraits(1.0, 50.0)).c
    assert policy.choose(SourceTraits(1.0, 100.0)).alpha > policy.choose(SourceTraits(1.0, 10.0)).alpha


def test_traits_of_a_view_count_rows_a_class(sample):
    drawn, others = sample([2, 2, 5]), sample([10, 10, 10], seed=1).without("text", [0, 1, 2])
    fusion = fit_early_fusion(drawn.features, {"text": 1.0})
    view = read_view(fusion, drawn.features, drawn.class_index, pool=others, class_shots=None, seed=0, device="cpu")
    assert view.traits == SourceTraits(labels_per_class=3.0, pool_per_class=9.0)


def test_auto_adapts_by_its_policy(sample, names):
    drawn, pool = sample([2, 2, 2], spread=0.5), sample([20, 20, 20], seed=1, spread=0.5)
    fusion = fit_early_fusion(drawn.features, {"text": 1.0})

    def logits(policy):
        learner = AutoLearner(fusion, policy=policy, device="cpu")
        model = learner.adapt(drawn.features, drawn.class_index, pool=pool.features, class_shots=names(3))
        return model.logits(pool.features)

    explicit = Policy({name: PowerLaw(value, {}, 0.0, 100.0) for name, value in asdict(AdaptationNumbers()).items()})
    np.testing.assert_allclose(logits(CONSTANTS), logits(explicit), atol=1e-5)
    np.testing.assert_array_equal(logits(None), logits(load_policy()))
    for name, value in asdict(AdaptationNumbers()).items():
        other = Policy({name: PowerLaw(value / 2, {}, 0.0, 100.0)})
        assert np.abs(logits(other) - logits(CONSTANTS)).max() > 1e-4, name
