import io

import numpy as np
import pytest
import soundfile
import torch

from metafuse.encoders import AUDIO_ENCODERS
from metafuse.encoders.audio import TransformersAudioEncoder
from metafuse.errors import ArtifactError, ConfigError

RATE = 16_000
SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
CONVOLUTIONS = {"conv_dim": [8, 8], "conv_kernel": [10, 8], "conv_stride": [80, 4], "num_conv_pos_embeddings": 16}
WAVES = {**SIZES, **CONVOLUTIONS, "num_conv_pos_embedding_groups": 2}


def save(samples: np.ndarray, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


def hiss(seconds: float = 0.4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def build_wav2vec2():
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    return Wav2Vec2Model(Wav2Vec2Config(**WAVES)), Wav2Vec2FeatureExtractor()


def build_hubert():
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    return HubertModel(HubertConfig(**WAVES)), Wav2Vec2FeatureExtractor()


def build_ast():
    from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

    config = ASTConfig(**SIZES, max_length=50, num_mel_bins=32)
    return ASTModel(config), ASTFeatureExtractor(max_length=50, num_mel_bins=32)


def build_whisper():
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    widths = {"d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "num_mel_bins": 20, "vocab_size": 50}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    config = WhisperConfig(**layers, **widths, **tokens, max_source_positions=100)
    return WhisperModel(config), WhisperFeatureExtractor(feature_size=20, chunk_length=2)


def build_clap():
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    audio = {"hidden_size": 32, "patch_embeds_hidden_size": 4, "depths": [1, 1], "num_attention_heads": [1, 2]}
    sizes = {"spec_size": 64, "num_mel_bins": 16, "window_size": 2, "patch_size": 4, "projection_dim": 10}
    text = {**SIZES, "vocab_size": 50, "projection_dim": 10}
    config = ClapConfig(text_config=text, audio_config={**audio, **sizes, "hidden_size": 8}, projection_dim=10)
    cuts = {"max_length_s": 1, "truncation": "rand_trunc", "frequency_max": 7000}
    return ClapModel(config), ClapFeatureExtractor(feature_size=16, sampling_rate=RATE, **cuts)


BUILDERS = {
    "wav2vec2": (build_wav2vec2, 16),
    "hubert": (build_hubert, 16),
    "ast": (build_ast, 16),
    "whisper": (build_whisper, 16),
    "clap": (build_clap, 10),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    places = {}
    for name, (build, _) in BUILDERS.items():
        places[name] = tmp_path_factory.mktemp(name)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model, extractor = build()
        model.save_pretrained(places[name])
        extractor.save_pretrained(places[name])
    return places


@pytest.mark.parametrize("name", BUILDERS)
def test_vectors_have_the_models_size_and_unit_length(folders, name):
    encoder = AUDIO_ENCODERS.build("transformers", folders[name])
    encoded = encoder.encode([save(hiss()), save(hiss(seed=1))])
    assert encoded.matrix.shape == (2, BUILDERS[name][1]) == (2, encoder.dim)
    assert encoded.matrix.dtype == np.float32
    assert np.linalg.norm(encoded.matrix, axis=1) == pytest.approx([1, 1], abs=1e-6)
    assert not encoded.failures


@pytest.mark.parametrize("name", BUILDERS)
def test_batches_do_not_change_the_result(folders, name):
    values = [save(hiss(seconds, seed)) for seed, seconds in enumerate((0.4, 0.7, 0.4, 0.01, 1.3))]
    together = TransformersAudioEncoder(folders[name]).encode(values).matrix
    apart = TransformersAudioEncoder(folders[name], batch_size=2).encode(values).matrix
    assert np.allclose(together, apart, atol=1e-6)
    assert np.array_equal(together, TransformersAudioEncoder(folders[name]).encode(values).matrix)


@pytest.mark.parametrize("name", ["wav2vec2", "hubert"])
def test_the_mean_over_frames_equals_that_of_transformers(folders, name):
    from transformers import AutoFeatureExtractor, AutoModel

    samples = hiss()
    inputs = AutoFeatureExtractor.from_pretrained(folders[name])(samples, sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(folders[name]).eval()(inputs.input_values).last_hidden_state
    expected = hidden[0].mean(dim=0).numpy()
    matrix = TransformersAudioEncoder(folders[name]).encode([save(samples)]).matrix
    assert np.allclose(matrix[0], expected / np.linalg.norm(expected), atol=1e-5)


def test_whisper_gives_its_encoders_frames_without_the_padding(folders):
    from transformers import AutoFeatureExtractor, AutoModel

    samples = hiss(0.5)
    inputs = AutoFeatureExtractor.from_pretrained(folders["whisper"])(samples, sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(folders["whisper"]).eval().encoder(inputs.input_features).last_hidden_state
    expected = hidden[0, :25].mean(dim=0).numpy()  # 100 frames are 2 s
    matrix = TransformersAudioEncoder(folders["whisper"]).encode([save(samples)]).matrix
    assert np.allclose(matrix[0], expected / np.linalg.norm(expected), atol=1e-5)


def test_the_trained_pooling_of_a_spectrogram_transformer_is_taken(folders):
    from transformers import AutoFeatureExtractor, AutoModel

    samples = hiss(0.5)
    inputs = AutoFeatureExtractor.from_pretrained(folders["ast"])(samples, sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        expected = AutoModel.from_pretrained(folders["ast"]).eval()(inputs.input_values).pooler_output[0].numpy()
    matrix = TransformersAudioEncoder(folders["ast"]).encode([save(samples)]).matrix
    assert np.allclose(matrix[0], expected / np.linalg.norm(expected), atol=1e-5)


def test_a_long_sound_is_the_mean_of_its_windows(folders):
    samples = hiss(0.9)  # the extractor takes half a second
    halves = TransformersAudioEncoder(folders["ast"])._forward(np.array_split(samples, 2))
    expected = halves.mean(axis=0)
    matrix = TransformersAudioEncoder(folders["ast"]).encode([save(samples)]).matrix
    assert np.allclose(matrix[0], expected / np.linalg.norm(expected), atol=1e-5)


def test_files_of_another_rate_are_resampled(folders):
    t = np.arange(RATE) / RATE
    wave = (0.3 * np.sin(2 * np.pi * 300 * t) + 0.2 * np.sin(2 * np.pi * 700 * t)).astype(np.float32)
    encoder = TransformersAudioEncoder(folders["wav2vec2"])
    first, second = encoder.encode([save(wave), save(wave[::2], RATE // 2)]).matrix
    assert first @ second > 0.999


def test_sounds_that_cannot_be_decoded_are_failures(folders):
    counts = []
    values = [b"x" * 60, save(hiss()), save(np.zeros(RATE, np.float32))]
    encoded = TransformersAudioEncoder(folders["wav2vec2"], batch_size=2).encode(values, counts.append)
    assert sorted(encoded.failures) == [0, 2]
    assert encoded.failures[2] == "is silent throughout"
    assert not encoded.matrix[[0, 2]].any() and encoded.matrix[1].any()
    assert counts == [2, 1]


def test_no_values_give_an_empty_matrix(folders):
    assert TransformersAudioEncoder(folders["hubert"]).encode([]).matrix.shape == (0, 16)


def test_fingerprint_follows_the_pre_processing(folders, tmp_path):
    first = TransformersAudioEncoder(folders["wav2vec2"]).fingerprint
    for path in folders["wav2vec2"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert TransformersAudioEncoder(tmp_path).fingerprint == first
    settings = tmp_path / "preprocessor_config.json"
    settings.write_text(settings.read_text().replace("true", "false", 1))
    assert TransformersAudioEncoder(tmp_path).fingerprint != first


def test_constructor_reads_nothing():
    encoder = TransformersAudioEncoder("/nowhere/at/all")
    with pytest.raises(ConfigError, match="there is no such folder"):
        _ = encoder.fingerprint


def test_folder_without_preprocessor_is_refused(folders, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folders["wav2vec2"] / name).read_bytes())
    with pytest.raises(ArtifactError, match=r"expected preprocessor_config.json, got none\. It says at which rate"):
        TransformersAudioEncoder(tmp_path).encode([save(hiss())])


def test_a_vision_model_is_refused(folders, tmp_path):
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    ViTModel(ViTConfig(image_size=32, patch_size=16, **SIZES)).save_pretrained(tmp_path)
    ViTImageProcessor().save_pretrained(tmp_path)
    with pytest.raises(ArtifactError, match="Choose an audio model"):
        TransformersAudioEncoder(tmp_path).encode([save(hiss())])


def test_weights_of_another_configuration_are_refused(folders, tmp_path):
    for path in folders["wav2vec2"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes((folders["ast"] / "model.safetensors").read_bytes())
    with pytest.raises(ArtifactError, match="The weights belong to another configuration"):
        TransformersAudioEncoder(tmp_path).encode([save(hiss())])


def test_model_with_code_of_its_own_is_refused(folders, tmp_path):
    for path in folders["wav2vec2"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoModel": "own.Model"}}')
    with pytest.raises(ArtifactError, match="expected an audio model that transformers can load"):
        TransformersAudioEncoder(tmp_path).encode([save(hiss())])


def test_batch_size_below_one_is_refused():
    with pytest.raises(ConfigError, match="batch_size: expected at least 1, got 0"):
        TransformersAudioEncoder("any", batch_size=0)
