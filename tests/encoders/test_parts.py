import pandas as pd
import pytest

from metafuse.cleaning.fit import fit_cleaner
from metafuse.encoders.parts import fit_encoders
from metafuse.schema import Modality, infer_schema
from metafuse.sources.media import Media
from metafuse.task import CleanSpec


@pytest.mark.parametrize("modality", [Modality.SERIES, Modality.VECTOR, Modality.GEO])
def test_a_column_of_which_nothing_can_be_read_is_told(modality, caplog):
    frame = pd.DataFrame({"note": ["dead battery", "late again", None], "weight_kg": [1.0, 2.0, 4.0]})
    schema = infer_schema(frame, overrides={"note": modality})
    cleaner = fit_cleaner(frame, schema, **CleanSpec().model_dump())
    assert fit_encoders(frame, schema, Media(), cleaner) == {}
    said = f"column 'note' is left out: none of its 2 cells can be read as {modality}; 'dead battery' is the first"
    assert said in caplog.text
