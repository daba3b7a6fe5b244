import pytest

from metafuse.errors import ConfigError
from metafuse.meta_training.arguments import read_options, read_sizes
from metafuse.task import EpisodeSizes


def test_values_are_json_where_they_can_be():
    found = read_options(["inner_steps=5", "distance=cosine", "learn_scale=true", "widths=[8, 16]", "name=a=b"])
    assert found == {"inner_steps": 5, "distance": "cosine", "learn_scale": True, "widths": [8, 16], "name": "a=b"}


@pytest.mark.parametrize("pair", ["inner_steps", "=5"])
def test_a_pair_without_name_or_value_is_refused(pair):
    with pytest.raises(ConfigError, match=f"option '{pair}': expected NAME=VALUE"):
        read_options([pair])


def test_sizes_come_from_the_task_file_and_what_is_given_wins(department):
    task = department()
    assert read_sizes(task) == EpisodeSizes(n_way=2, k_shot=2, n_query=2)
    assert read_sizes(task, n_way=3, k_shot=None) == EpisodeSizes(n_way=3, k_shot=2, n_query=2)


def test_a_size_out_of_range_is_named(department):
    with pytest.raises(ConfigError, match="n_way: input should be greater than or equal to 2, got 1"):
        read_sizes(department(), n_way=1)
