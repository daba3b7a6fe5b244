import io

import numpy as np
import pytest
import torch
from PIL import Image

import metafuse
from metafuse.artifact import save_folder, save_value
from metafuse.backbones.conv4 import Conv4
from metafuse.backbones.spec import TrainedBackbone
from metafuse.encoders.image_meta_trained import MetaTrainedImageEncoder
from metafuse.errors import ArtifactError, ConfigError
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.tasks import meta_train
from metafuse.task import EpisodeSizes

OPTIONS = {"image_size": 16, "in_channels": 1, "channels": 4}


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    weights = {name: tensor.numpy() for name, tensor in Conv4(**OPTIONS).state_dict().items()}
    path = tmp_path / "ck"
    save_folder(path, lambda place: save_value(TrainedBackbone("conv4", OPTIONS, weights), place, "backbone"), {})
    return path


def test_an_image_gets_the_backbones_embedding_normalised(folder):
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16), dtype=np.uint8)
    found = MetaTrainedImageEncoder(folder, device="cpu").encode([png(pixels)])
    with torch.no_grad():
        expected = Conv4(**OPTIONS).eval()(torch.from_numpy(pixels).float()[None, None] / 255)[0].numpy()
    np.testing.assert_allclose(found.matrix[0], expected / np.linalg.norm(expected), atol=1e-6)
    assert found.failures == {}


def test_what_is_no_image_is_a_failure_and_the_others_stay(folder):
    good = png(np.full((4, 4), 90, dtype=np.uint8))
    encoder = MetaTrainedImageEncoder(folder, device="cpu")
    found = encoder.encode([b"text", good])
    assert found.failures.keys() == {0}
    assert not found.matrix[0].any()
    np.testing.assert_array_equal(found.matrix[1], encoder.encode([good]).matrix[0])


def test_a_backbone_that_normalises_by_the_batch_is_refused(tmp_path):
    options = OPTIONS | {"statistics": "batch"}
    trained = TrainedBackbone("conv4", options, {name: x.numpy() for name, x in Conv4(**options).state_dict().items()})
    save_folder(tmp_path / "ck", lambda place: save_value(trained, place, "backbone"), {})
    with pytest.raises(ArtifactError, match="embedding would depend on those beside it"):
        MetaTrainedImageEncoder(tmp_path / "ck", device="cpu")


def test_another_checkpoint_has_another_fingerprint(folder, tmp_path):
    weights = {name: tensor.numpy() for name, tensor in Conv4(**OPTIONS, seed=1).state_dict().items()}
    other = tmp_path / "other"
    save_folder(other, lambda place: save_value(TrainedBackbone("conv4", OPTIONS, weights), place, "backbone"), {})
    first, second = (MetaTrainedImageEncoder(path, device="cpu").fingerprint for path in (folder, other))
    assert first != second
    assert first == MetaTrainedImageEncoder(folder, device="cpu").fingerprint


def test_a_backbone_that_takes_no_images_is_refused(tmp_path):
    path = tmp_path / "ck"
    save_folder(path, lambda place: save_value(TrainedBackbone("columns", {"dims": {}}, {}), place, "backbone"), {})
    with pytest.raises(ArtifactError, match="holds a 'columns' backbone, which takes no images"):
        MetaTrainedImageEncoder(path, device="cpu")


@pytest.fixture
def shapes(tmp_path):
    """Class folders of stripes at ten slopes."""
    generator = np.random.default_rng(0)
    across, down = np.meshgrid(np.arange(16), np.arange(16))
    for slope in range(10):
        (tmp_path / "shapes" / f"slope {slope}").mkdir(parents=True)
        for place in range(8):
            wave = np.sin((across * np.cos(slope / 2) + down * np.sin(slope / 2)) * 1.5 + generator.uniform(0, 6))
            pixels = np.clip(127 + 100 * wave + generator.normal(0, 10, wave.shape), 0, 255).astype(np.uint8)
            (tmp_path / "shapes" / f"slope {slope}" / f"{place}.png").write_bytes(png(pixels))
    return tmp_path / "shapes"


def test_a_backbone_trained_on_raw_images_encodes_them_for_adapt(shapes, tmp_path):
    settings = MetaTrainingSettings(outer_steps=6, n_tasks=2, eval_every=3, n_val_episodes=4, device="cpu")
    meta_train(
        [shapes], "prototypical", tmp_path / "ck",
        backbone="conv4", backbone_options=OPTIONS, settings=settings,
        sizes=EpisodeSizes(n_way=2, k_shot=2, n_query=2),
    )  # fmt: skip
    run = metafuse.adapt(shapes, base=tmp_path / "ck", learner="prototypical", out=tmp_path / "run")
    assert run.facts()["encoders"]["image"] == str(tmp_path / "ck")
    rows = shapes / "slope 0"
    assert len(metafuse.load(tmp_path / "run").predict(rows)) == 8
    with pytest.raises(ConfigError, match="was trained on raw images and serves as the image encoder only"):
        metafuse.adapt(shapes, base=tmp_path / "ck", learner="ridge")
    spec = LearnerSpec("prototypical", "conv4", {}, OPTIONS)
    assert spec.build().backbone.dim == 4
