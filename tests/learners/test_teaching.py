from dataclasses import replace

import numpy as np
import pytest

from metafuse.fusion.early import fit_early_fusion
from metafuse.learners.seeding import seed_folds
from metafuse.learners.teaching import align_folds, is_judged, places_in, teach
from metafuse.learners.view import read_view


@pytest.fixture
def views(sample):
    """Text that tells classes apart and images of noise, of which the first labelled rows have none."""
    support, pool = sample([4, 4, 4], spread=0.2), sample([20] * 3, 1, spread=0.2)
    for drawn in (support, pool):
        drawn.image[:] = np.random.default_rng(3).standard_normal(drawn.image.shape)
    bare = support.without("image", [0, 1, 2])

    def view(*columns):
        fusion = fit_early_fusion(pool.features, dict.fromkeys(columns, 1.0))
        return read_view(fusion, bare, support.class_index, pool=pool.features, class_shots=None, seed=0, device="cpu")

    return view("text", "image"), view("image"), pool.class_index


def test_rows_are_found_in_the_fused_view(views):
    fused, image, _ = views
    np.testing.assert_array_equal(places_in(fused, image)[:3], [3, 4, 5])
    np.testing.assert_array_equal(places_in(image, fused)[:4], [-1, -1, -1, 0])


def test_folds_are_those_of_the_fused_view(views):
    fused, image, _ = views
    aligned = align_folds(image, fused)
    np.testing.assert_array_equal(aligned.fold, fused.fold[3:])
    assert align_folds(fused, fused).fold.tolist() == fused.fold.tolist()


def test_only_row_of_its_class_is_not_judged(views):
    fused, image, _ = views
    judged = is_judged(align_folds(image, fused))
    assert not judged[0]
    assert judged[1:].all()


def test_weak_view_learns_what_the_strong_one_knows(views):
    fused, image, truth = views
    image = align_folds(image, fused)
    seeded = {"fused": seed_folds(fused), "image": seed_folds(image)}
    taught = teach({"fused": fused, "image": image}, seeded, {"fused": 1.0}, fused)
    for name, seedings in taught.items():
        assert [one.held_out for one in seedings] == [one.held_out for one in seeded[name]]
    before, after = seeded["image"][-1].distribution[9:], taught["image"][-1].distribution[9:]
    assert (before.argmax(axis=1) == truth).mean() < 0.6
    assert (after.argmax(axis=1) == truth).mean() > 0.9
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-5)


def test_held_out_labels_stay_out(views):
    fused, image, _ = views
    image = align_folds(image, fused)
    other = replace(fused, class_index=fused.class_index.copy())
    out = np.flatnonzero(fused.fold == 0)
    other.class_index[out] = (other.class_index[out] + 1) % 3

    def first(view):
        seeded = {"fused": seed_folds(view), "image": seed_folds(image)}
        return teach({"fused": view, "image": image}, seeded, {"fused": 1.0}, view)["image"][0].distribution

    np.testing.assert_allclose(first(fused), first(other), atol=1e-6)
