import datasets
import pytest
from PIL import Image

from metafuse.errors import ConfigError, SourceError
from metafuse.sources.huggingface import is_saved_dataset, read_dataset, read_hub, read_saved
from metafuse.sources.media import Media


@pytest.fixture(autouse=True)
def quiet():
    datasets.disable_progress_bars()


@pytest.fixture
def dataset():
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"]), "image": datasets.Image()}
    )
    columns = {"text": ["a", "b", "c"], "label": [1, 0, -1], "image": [Image.new("RGB", (2, 2)), None, None]}
    return datasets.Dataset.from_dict(columns, features=features)


def check(read):
    assert read.frame["text"].tolist() == ["a", "b", "c"]
    assert read.frame["label"].tolist()[:2] == ["yes", "no"]
    assert read.frame["label"].isna().tolist() == [False, False, True]
    assert read.media.read(read.frame["image"][0]).startswith(b"\x89PNG")


def test_a_dataset_in_memory_keeps_images_undecoded_and_names_classes(dataset):
    source = read_dataset(dataset, "d", None, Media())
    check(source.read())
    assert source.fingerprint == read_dataset(dataset, "d", None, Media()).fingerprint


def test_a_streamed_dataset_gives_the_same_rows(dataset):
    check(read_dataset(dataset.to_iterable_dataset(), "d", None, Media()).read())


def test_a_saved_dataset_is_read_from_its_folder(dataset, tmp_path):
    dataset.save_to_disk(tmp_path / "saved")
    assert is_saved_dataset(tmp_path / "saved")
    assert not is_saved_dataset(tmp_path)
    source = read_saved(tmp_path / "saved", None, None)
    assert source.name == "saved"
    check(source.read())


def test_splits_are_chosen_by_name(dataset, tmp_path):
    datasets.DatasetDict({"train": dataset, "test": dataset.select([0])}).save_to_disk(tmp_path / "saved")
    assert len(read_saved(tmp_path / "saved", None, None).read().frame) == 3
    assert len(read_saved(tmp_path / "saved", "test", None).read().frame) == 1
    with pytest.raises(SourceError, match="has no split 'dev'; it has train, test"):
        read_saved(tmp_path / "saved", "dev", None)


def test_a_split_must_be_named_where_none_is_called_train(dataset):
    splits = datasets.DatasetDict({"a": dataset, "b": dataset})
    with pytest.raises(SourceError, match="needs a split to be named, as it has a, b"):
        read_dataset(splits, "d", None, Media())


def test_a_damaged_folder_is_an_error(tmp_path):
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(SourceError, match="should be a dataset written by save_to_disk"):
        read_saved(tmp_path, None, None)


@pytest.mark.parametrize(
    ("url", "config", "split"),
    [
        ("hf://owner/name", None, "train"),
        ("hf://owner/name?split=test", None, "test"),
        ("hf://owner/name/small?split=test", "small", "test"),
    ],
)
def test_a_hub_address_names_dataset_config_and_split(dataset, monkeypatch, url, config, split):
    asked = []

    def load_dataset(*args, **options):
        asked.append((args, options))
        streamed = dataset.to_iterable_dataset()
        return datasets.IterableDatasetDict({"train": streamed, "test": streamed.take(1)})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    source = read_hub(url, None, None)
    assert asked == [(("owner/name", config), {"streaming": True})]
    assert len(source.read().frame) == {"train": 3, "test": 1}[split]
    assert source.name == "name"
    assert len(read_hub(url, None, None, max_rows=1).read().frame) == 1


def test_hub_rows_open_no_local_files(dataset, monkeypatch):
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **options: dataset)
    assert read_hub("hf://owner/name", None, None).media.files is False


@pytest.mark.parametrize("url", ["hf://name", "hf://a/b/c/d", "hf://a/b?splits=x", "hf://a/b?split=x&revision=y"])
def test_other_hub_addresses_are_refused(url):
    with pytest.raises(ConfigError, match="should read hf://owner/name"):
        read_hub(url, None, None)


def test_without_a_network_the_error_says_what_to_do(monkeypatch):
    def load_dataset(*args, **options):
        raise ConnectionError("Couldn't reach the hub")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(SourceError, match=r"Couldn't reach the hub.*save_to_disk"):
        read_hub("hf://owner/name", None, None)


def test_other_objects_are_no_dataset():
    assert read_dataset({"a": 1}, "d", None, Media()) is None
