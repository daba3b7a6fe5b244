from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import metafuse
from metafuse.adaptation import adapt_features
from metafuse.base_checkpoint import Base, episodic_head, open_base
from metafuse.errors import ArtifactError, ConfigError
from metafuse.features import Features
from metafuse.fusion.attention import AttentionFusion
from metafuse.fusion.early import fit_early_fusion
from metafuse.fusion.mapped import layout_of
from metafuse.learners.episodic_head import EpisodicHead
from metafuse.learners.episodic_spec import LearnerSpec, take_weights
from metafuse.meta_training.checkpoint import Checkpoint, save_checkpoint
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.state import Progress
from metafuse.schema import Modality
from metafuse.task import EpisodeSizes

COLUMNS = LearnerSpec("prototypical", "columns", {"distance": "cosine"}, {"dims": {"text": 4}})
TOKENS = LearnerSpec("prototypical", "column_tokens", {}, {"dims": {"text": 4}, "name_dim": 6, "bound": 0.5})
IMAGES = LearnerSpec(
    "prototypical", "conv4", {"distance": "cosine"}, {"in_channels": 3, "image_size": 16, "channels": 8}
)


@pytest.fixture
def save(tmp_path):
    def write(spec, encoders):
        learner = spec.build()
        if spec.backbone == "columns":
            with torch.no_grad():
                learner.backbone.up["text"].copy_(2 * torch.eye(4))
                learner.backbone.down["text"].copy_(torch.diag(torch.arange(4.0)))
        checkpoint = Checkpoint(
            spec, take_weights(learner), encoders, ("toy",), EpisodeSizes().model_dump(), MetaTrainingSettings(), ()
        )
        save_checkpoint(tmp_path / "ck", checkpoint, Progress(0, {}, {}, {}, (), finished=True))
        return tmp_path / "ck"

    return write


@pytest.fixture
def columns(save) -> Base:
    return open_base(save(COLUMNS, {"text": "toy"}))


@pytest.fixture
def images(save) -> Base:
    return open_base(save(IMAGES, {}))


@pytest.fixture
def features() -> Features:
    """30 rows of three classes, told apart by the first three of four dimensions."""
    generator = np.random.default_rng(0)
    matrix = np.eye(4)[np.arange(30) % 3] + 0.1 * generator.standard_normal((30, 4))
    return Features({"note": matrix.astype(np.float32)}, {"note": np.ones(30, dtype=bool)}, {"note": Modality.TEXT})


@pytest.fixture
def layout(features):
    return layout_of(fit_early_fusion(features, {"note": 1.0}), features.modalities)


def test_a_base_on_columns_has_the_map_of_its_backbone(columns):
    np.testing.assert_array_equal(columns.residuals["text"], np.diag([0.0, 2.0, 4.0, 6.0]))
    assert (columns.encoders, columns.spec, columns.takes_images) == ({"text": "toy"}, COLUMNS, False)


def test_a_base_on_images_maps_no_features(images):
    assert (images.residuals, images.spec, images.takes_images) == ({}, IMAGES, True)


def test_features_of_the_same_encoder_are_taken_and_other_modalities_do_not_matter(columns, images):
    columns.check_encoders({"text": "toy", "image": "handcrafted"})
    images.check_encoders({"text": "toy", "image": "anything"})


def test_features_of_another_encoder_are_refused(columns):
    with pytest.raises(ArtifactError, match=r"was trained on text features of toy, this source's are of other\. Name"):
        columns.check_encoders({"text": "other"})


@pytest.mark.parametrize(("fingerprints", "said"), [({"image": "x"}, "image"), ({}, "a table only")])
def test_a_source_without_a_known_modality_is_refused(fingerprints, said, columns):
    with pytest.raises(ConfigError, match=f"knows text, the source has {said}. Adapt without --base"):
        columns.check_encoders(fingerprints)


def test_a_source_without_images_is_refused_by_a_base_on_images(images):
    with pytest.raises(ConfigError, match=r"encodes images, the source has none\. Adapt without --base"):
        images.check_encoders({"text": "toy"})


def test_without_a_base_a_head_starts_plain(layout):
    head = episodic_head("ridge", None, layout)
    assert (head.spec.learner, head.spec.backbone_options, head.layout) == ("ridge", {"dims": {}}, layout)
    plain = take_weights(head.spec.build())
    assert head.weights.keys() == plain.keys()
    for name, array in plain.items():
        np.testing.assert_array_equal(head.weights[name], array)


def test_a_head_is_the_trained_one_of_its_base(columns, layout):
    head = episodic_head("prototypical", columns, layout)
    assert (head.spec, head.weights) == (columns.spec, columns.weights)


def test_a_head_of_another_learner_is_refused(columns, layout):
    with pytest.raises(ConfigError, match=r"learner 'maml': checkpoint .* was trained with 'prototypical'\. Use"):
        episodic_head("maml", columns, layout)


def test_a_head_of_a_base_on_images_is_refused(images, layout):
    with pytest.raises(ConfigError, match=r"trained on raw images and serves as the image encoder only\. Use"):
        episodic_head("prototypical", images, layout)


@pytest.fixture
def is_episodic(features):
    """Whether "prototypical" from a base is an episodic learner; it tells the classes apart either way."""

    def adapt(base: Base | None) -> bool:
        class_index = np.where(np.arange(30) < 12, np.arange(30) % 3, -1)
        adapted = adapt_features(
            features, class_index, class_shots=None, learner="prototypical", fusion="auto", seed=0, device="cpu",
            base=base,
        )  # fmt: skip
        assert (adapted.logits(features).argmax(axis=1) == np.arange(30) % 3).all()
        return any(isinstance(head, EpisodicHead) for expert in adapted.experts for head in expert.heads)

    return adapt


def test_a_name_that_plain_and_episodic_learners_share_is_the_trained_one_of_its_base(is_episodic, columns):
    assert is_episodic(columns)


def test_a_name_that_plain_and_episodic_learners_share_is_plain_otherwise(is_episodic, columns, images):
    spec = LearnerSpec("ridge", "columns", {}, {"dims": {"text": 4}})
    assert not is_episodic(None)
    assert not is_episodic(images)
    assert not is_episodic(replace(columns, spec=spec, weights=take_weights(spec.build())))


def test_a_run_on_a_base_on_images_predicts_from_another_folder(save, photo, tmp_path, monkeypatch):
    save(IMAGES, {})
    colours = {"red": (200, 40, 40), "blue": (40, 40, 200)}
    names = ["red", "blue"] * 6
    frame = pd.DataFrame({"photo": [photo(colours[name], seed) for seed, name in enumerate(names)], "colour": names})
    monkeypatch.chdir(tmp_path)
    run = metafuse.adapt(frame, label_column="colour", learner="prototypical", base="ck", out="run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    rows = frame[["photo"]].head(3)
    again = metafuse.load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict_proba(rows), run.predict_proba(rows))


def test_a_base_on_column_tokens_weighs_columns_and_has_neither_maps_nor_a_head(save, layout):
    base = open_base(save(TOKENS, {"text": "toy"}))
    assert (base.residuals, base.takes_images, base.has_head("prototypical")) == ({}, False, False)
    assert (base.weigher.bound, base.weigher.n_heads) == (0.5, 4)
    assert base.weigher.weights["project.text"].shape == (32, 4)
    with pytest.raises(ArtifactError, match="was trained on text features of toy"):
        base.check_encoders({"text": "other"})
    with pytest.raises(ConfigError, match=r"weighs columns and serves as the fusion only\. Use --learner auto"):
        episodic_head("prototypical", base, layout)


def test_adapting_with_column_tokens_fuses_by_attention(save, features, monkeypatch):
    monkeypatch.setattr(
        "metafuse.fusion.attention.encode_names", lambda names: np.ones((len(names), 6), dtype=np.float32)
    )
    base = open_base(save(TOKENS, {"text": "toy"}))
    class_index = np.where(np.arange(30) < 9, np.arange(30) % 3, -1)
    common = {"class_shots": None, "seed": 0, "device": "cpu"}
    found = adapt_features(features, class_index, learner="prototypical", fusion="early", base=base, **common)
    fused = found.surroundings[0].fusion
    assert isinstance(fused, AttentionFusion)
    assert fused.weigher is base.weigher
    plain = adapt_features(features, class_index, learner="prototypical", fusion="attention", **common)
    fused = plain.surroundings[0].fusion
    assert isinstance(fused, AttentionFusion)
    assert fused.weigher is None
