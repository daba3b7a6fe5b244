import math

import pytest
import torch
from torch.testing import assert_close

from metafuse.errors import ConfigError
from metafuse.learners.metric.similarity import cosines, full_precision, log_parameter, shrink_by_shots, widen


def test_cosines_are_of_rows_of_one_task():
    x = torch.tensor([[[2.0, 0.0]], [[0.0, 3.0]]])
    y = torch.tensor([[[1.0, 1.0], [-1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, 0.0], [3.0, 4.0]]])
    assert_close(cosines(x, y), torch.tensor([[[0.5**0.5, -1.0, 0.0]], [[1.0, 0.0, 0.8]]]))


def test_few_shots_shrink_distances():
    # n / (n + 1) is 1/2 and 3/4, their mean 5/8; the third class is absent.
    factor = shrink_by_shots(torch.tensor([[1.0, 3.0, 0.0], [2.0, 2.0, 2.0]]))
    assert_close(factor, torch.tensor([[0.8, 1.2, 0.0], [1.0, 1.0, 1.0]]))


def test_parameter_holds_the_logarithm():
    assert log_parameter("scale", 10.0).item() == pytest.approx(math.log(10))
    assert log_parameter("scale", 10.0).requires_grad
    assert not log_parameter("scale", 10.0, learn=False).requires_grad


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_number_not_over_zero_is_refused(value):
    with pytest.raises(ConfigError, match="penalty: expected a number over 0, got"):
        log_parameter("penalty", value)


def test_mixed_precision_is_left_for_a_block():
    x = torch.rand(2, 3, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (x @ x.mT).dtype == torch.bfloat16
        with full_precision(x):
            assert (x @ x.mT).dtype == torch.float32


@pytest.mark.parametrize(("dtype", "wide"), [("bfloat16", "float32"), ("float16", "float32"), ("float64", "float64")])
def test_only_half_precision_is_widened(dtype, wide):
    assert widen(torch.zeros(2, dtype=getattr(torch, dtype))).dtype == getattr(torch, wide)
