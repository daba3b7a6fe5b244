import io

import numpy as np
import pytest
import torch
from PIL import Image

from metafuse.encoders.image import TransformersImageEncoder
from metafuse.errors import ArtifactError, ConfigError


def save(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def noise(seed: int, size: tuple[int, int] = (40, 30)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    return save(Image.fromarray(pixels))


def build_vit():
    from transformers import ViTConfig, ViTModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    return ViTModel(ViTConfig(image_size=32, patch_size=16, **sizes))


def build_resnet():
    from transformers import ResNetConfig, ResNetModel

    return ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic"))


def build_clip():
    from transformers import CLIPConfig, CLIPModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    vision = {**sizes, "image_size": 32, "patch_size": 16}
    return CLIPModel(CLIPConfig(text_config={**sizes, "vocab_size": 50}, vision_config=vision, projection_dim=10))


BUILDERS = {"vit": (build_vit, 16), "resnet": (build_resnet, 12), "clip": (build_clip, 10)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    from transformers import ViTImageProcessor

    processor = ViTImageProcessor(size={"height": 32, "width": 32})
    places = {}
    for name, (build, _) in BUILDERS.items():
        places[name] = tmp_path_factory.mktemp(name)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            build().save_pretrained(places[name])
        processor.save_pretrained(places[name])
    return places


@pytest.mark.parametrize("name", BUILDERS)
def test_vectors_have_the_models_size_and_unit_length(folders, name):
    encoder = TransformersImageEncoder(folders[name])
    encoded = encoder.encode([noise(0), noise(1)])
    assert encoded.matrix.shape == (2, BUILDERS[name][1]) == (2, encoder.dim)
    assert encoded.matrix.dtype == np.float32
    assert np.linalg.norm(encoded.matrix, axis=1) == pytest.approx([1, 1], abs=1e-6)


@pytest.mark.parametrize("name", BUILDERS)
def test_batches_do_not_change_the_result(folders, name):
    values = [noise(seed) for seed in range(5)]
    together = TransformersImageEncoder(folders[name]).encode(values).matrix
    apart = TransformersImageEncoder(folders[name], batch_size=2).encode(values).matrix
    assert np.allclose(together, apart, atol=1e-6)
    assert np.array_equal(together, TransformersImageEncoder(folders[name]).encode(values).matrix)


def test_pooled_output_equals_that_of_transformers(folders):
    from transformers import AutoImageProcessor, AutoModel

    pixels = AutoImageProcessor.from_pretrained(folders["vit"], backend="pil")(
        images=Image.open(io.BytesIO(noise(3))), return_tensors="pt"
    )
    with torch.inference_mode():
        expected = AutoModel.from_pretrained(folders["vit"]).eval()(**pixels).pooler_output[0].numpy()
    matrix = TransformersImageEncoder(folders["vit"]).encode([noise(3)]).matrix
    assert np.allclose(matrix[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_class_token_is_taken_where_the_pooler_was_never_trained(folders, tmp_path):
    from transformers import AutoImageProcessor, ViTModel

    model = ViTModel.from_pretrained(folders["vit"], add_pooling_layer=False).eval()
    model.save_pretrained(tmp_path)
    processor = AutoImageProcessor.from_pretrained(folders["vit"], backend="pil")
    processor.save_pretrained(tmp_path)
    pixels = processor(images=Image.open(io.BytesIO(noise(3))), return_tensors="pt")
    with torch.inference_mode():
        expected = model(**pixels).last_hidden_state[0, 0].numpy()
    matrix = TransformersImageEncoder(tmp_path).encode([noise(3)]).matrix
    assert np.allclose(matrix[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_values_that_cannot_be_decoded_are_failures(folders):
    counts = []
    strip = save(Image.new("RGB", (2000, 2)))
    encoded = TransformersImageEncoder(folders["vit"], batch_size=2).encode([b"x", noise(0), strip], counts.append)
    assert sorted(encoded.failures) == [0, 2]
    assert encoded.failures[2] == "has 2,000 x 2 pixels, too long a strip for a vision model"
    assert not encoded.matrix[[0, 2]].any()
    assert counts == [2, 1]


def test_no_values_give_an_empty_matrix(folders):
    assert TransformersImageEncoder(folders["resnet"]).encode([]).matrix.shape == (0, 12)


def test_fingerprint_follows_the_pre_processing(folders, tmp_path):
    first = TransformersImageEncoder(folders["vit"]).fingerprint
    for path in folders["vit"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert TransformersImageEncoder(tmp_path).fingerprint == first
    settings = tmp_path / "preprocessor_config.json"
    settings.write_text(settings.read_text().replace("0.5", "0.4"))
    assert TransformersImageEncoder(tmp_path).fingerprint != first


def test_constructor_reads_nothing():
    encoder = TransformersImageEncoder("/nowhere/at/all")
    with pytest.raises(ConfigError, match="there is no such folder"):
        _ = encoder.fingerprint


def test_folder_without_preprocessor_is_refused(folders, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folders["vit"] / name).read_bytes())
    with pytest.raises(ArtifactError, match=r"expected preprocessor_config.json, got none"):
        TransformersImageEncoder(tmp_path).encode([noise(0)])


def test_weights_of_another_configuration_are_refused(folders, tmp_path):
    for path in folders["vit"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes((folders["resnet"] / "model.safetensors").read_bytes())
    with pytest.raises(ArtifactError, match="The weights belong to another configuration"):
        TransformersImageEncoder(tmp_path).encode([noise(0)])


def test_model_with_code_of_its_own_is_refused(folders, tmp_path):
    for path in folders["vit"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoModel": "own.Model"}}')
    with pytest.raises(ArtifactError, match="expected a vision model that transformers can load"):
        TransformersImageEncoder(tmp_path).encode([noise(0)])


def test_model_that_hides_patches_at_random_is_refused(folders, tmp_path):
    import torch
    from transformers import ViTMAEConfig, ViTMAEModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)  # weights, and the patches it hides
    config = ViTMAEConfig(image_size=32, patch_size=4, initializer_range=1.0, **sizes)
    ViTMAEModel(config).save_pretrained(tmp_path)
    settings = folders["vit"] / "preprocessor_config.json"
    (tmp_path / settings.name).write_bytes(settings.read_bytes())
    with pytest.raises(ConfigError, match="expected the same vector for the same image"):
        TransformersImageEncoder(tmp_path).encode([noise(0)])


def test_batch_size_below_one_is_refused():
    with pytest.raises(ConfigError, match="batch_size: expected at least 1, got 0"):
        TransformersImageEncoder("any", batch_size=0)
