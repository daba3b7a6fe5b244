import json
import math

import pytest

from metafuse.errors import ConfigError
from metafuse.learners.episodic_spec import LearnerSpec
from metafuse.meta_training.arguments import facts, read_options, read_sizes, summarise
from metafuse.meta_training.checkpoint import Checkpoint
from metafuse.meta_training.settings import MetaTrainingSettings
from metafuse.meta_training.state import Validation
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


@pytest.fixture
def checkpoint():
    """The second and the third validation are equally good."""
    accuracies = (0.5, 0.75, 0.75, 0.625)
    history = tuple(Validation(10 * n, math.nan, math.nan, mean, 0.01 * n) for n, mean in enumerate(accuracies))
    sizes = EpisodeSizes(n_way=2, k_shot=1, n_query=3)
    return Checkpoint(
        LearnerSpec("ridge", "columns"), {}, {}, ("toy",), sizes.model_dump(), MetaTrainingSettings(), history
    )


def test_facts_are_numbers_of_the_first_best_validation(checkpoint):
    found = facts(checkpoint)
    assert (found["accuracy"], found["half_width"], found["step"]) == (0.75, 0.01, 10)
    assert (found["start"], found["steps"]) == ({"accuracy": 0.5, "half_width": 0.0}, 30)
    assert (found["learner"], found["backbone"], found["sources"]) == ("ridge", "columns", ["toy"])
    assert found["sizes"]["n_query"] == 3
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_summary_says_the_same_in_words(checkpoint):
    found = summarise(checkpoint)
    assert found["learner"] == "ridge on columns"
    assert found["meta_val"] == {"start": "50.00 % ± 0.00", "best": "75.00 % ± 1.00 at step 10", "steps": 30}
