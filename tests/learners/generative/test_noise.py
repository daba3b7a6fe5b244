import torch

from metafuse.learners.generative.noise import draw_mirrored, generator_for


def test_each_vector_has_its_opposite():
    noise = draw_mirrored(6, 3, seed=0)
    assert torch.equal(noise[:3], -noise[3:])
    assert noise.abs().sum() > 0


def test_odd_one_out_is_zero():
    noise = draw_mirrored(3, 2, seed=0)
    assert noise.shape == (3, 2)
    assert noise[2].tolist() == [0, 0]


def test_noise_follows_the_seed():
    assert torch.equal(draw_mirrored(4, 2, seed=1), draw_mirrored(4, 2, seed=1))
    assert not torch.equal(draw_mirrored(4, 2, seed=1), draw_mirrored(4, 2, seed=2))


def test_generator_depends_on_seed_and_episodes():
    episodes, others = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    first = torch.randn(5, generator=generator_for(0, episodes))
    assert torch.equal(first, torch.randn(5, generator=generator_for(0, episodes)))
    assert not torch.equal(first, torch.randn(5, generator=generator_for(1, episodes)))
    assert not torch.equal(first, torch.randn(5, generator=generator_for(0, others)))
