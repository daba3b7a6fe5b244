import numpy as np
import pytest

from metafuse.crossmodal.base import Codes
from metafuse.crossmodal.ridge import RidgeTranslator


def test_prediction_is_the_conditional_mean():
    # y = 2 x: C = [[1, 2], [2, 4]], so x = 3 with a ridge of 1 gives y = 2 / (1 + 1) * 3
    translator = RidgeTranslator(np.array([[1.0, 2.0], [2.0, 4.0]], dtype=np.float32), 1.0)
    codes = Codes(np.array([[3.0, 0.0]], dtype=np.float32), np.array([[True, False]]), (1, 1))
    assert translator.predict(codes)[0, 1] == pytest.approx(3.0)


def test_row_with_nothing_gets_the_mean():
    translator = RidgeTranslator(np.eye(2, dtype=np.float32), 1.0)
    codes = Codes(np.zeros((1, 2), dtype=np.float32), np.zeros((1, 2), dtype=bool), (1, 1))
    assert translator.predict(codes).tolist() == [[0.0, 0.0]]
