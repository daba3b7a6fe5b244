import pytest

from metafuse.errors import ConfigError
from metafuse.registry import Registry

THINGS = Registry(
    "thing", {"counter": "collections:Counter", "path": "pathlib:PurePosixPath", "fraction": "fractions:Fraction"}
)


def test_name_becomes_the_class():
    import fractions

    assert THINGS.get("fraction") is fractions.Fraction


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown thing 'tree'. Known: counter, fraction, path"):
        THINGS.get("tree")


def test_options_become_arguments():
    assert THINGS.build("fraction", numerator=1, denominator=2) == 0.5


def test_unknown_option_is_refused_with_the_signature():
    with pytest.raises(ConfigError, match=r"thing 'fraction': got an unexpected keyword argument 'colour'. It takes"):
        THINGS.build("fraction", colour="red")


@pytest.mark.parametrize("value", ["abc", 2.5, None, [1], True])
def test_an_option_of_another_type_is_refused_with_its_name(value):
    backbones = Registry("backbone", {"mlp": "metafuse.backbones.mlp:Mlp"})
    with pytest.raises(ConfigError, match=r"backbone 'mlp': expected seed as in 'seed: int = 0', got"):
        backbones.build("mlp", in_features=4, seed=value)
