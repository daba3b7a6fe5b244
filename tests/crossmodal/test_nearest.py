import numpy as np

from metafuse.crossmodal.base import Codes
from metafuse.crossmodal.nearest import fit_nearest


def test_absent_block_is_the_mean_of_the_nearest_rows():
    values = np.array([[1, 0, 10], [1, 0.1, 20], [-1, 0, 99]], dtype=np.float32)
    translator = fit_nearest(Codes(values, np.ones((3, 2), dtype=bool), (2, 1)), seed=0, n_neighbours=2)
    asked = Codes(np.array([[2.0, 0.0, 0.0]], dtype=np.float32), np.array([[True, False]]), (2, 1))
    assert translator.predict(asked)[0, 2] == 15.0


def test_rows_without_a_shared_block_do_not_count():
    values = np.array([[1, 0, 10], [0, 0, 99]], dtype=np.float32)
    present = np.array([[True, True], [False, True]])
    translator = fit_nearest(Codes(values, present, (2, 1)), seed=0)
    asked = Codes(np.array([[2.0, 0.0, 0.0]], dtype=np.float32), np.array([[True, False]]), (2, 1))
    assert translator.predict(asked)[0, 2] == 10.0
