"""Nine convolutions, for line drawings: a 5x5 stem that halves the side, then four residual blocks of two.

The stem reads strokes at twice the side of what the blocks see, so that 56x56 images cost what 28x28 ones do. Blocks
as in `ResidualBlock`; the stem is a convolution of stride 2, batch normalisation and ReLU.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.backbones.base import channels_last, check_items, check_positive
from metafuse.backbones.initialisation import build_convolution
from metafuse.backbones.normalisation import BatchNorm
from metafuse.backbones.residual import ResidualBlock
from metafuse.errors import ConfigError


class ResNet9(nn.Module):
    """Embeds images of (n_items, in_channels, image_size, image_size); the places that are left are kept apart.

    Args:
        in_channels: Channels of an image: 1 for grey, 3 for colour.
        image_size: Height and width in pixels; halved by the stem and once a block.
        stem: Channels of the stem.
        widths: Channels of each block; two convolutions in each.
        statistics: Of the normalisation: "running" or "batch", see `BatchNorm`.
        seed: Of the first weights.
    Raises:
        ConfigError: the image is too small to be halved so often, or an option is none of its values.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 56,
        stem: int = 24,
        widths: Sequence[int] = (32, 64, 128, 256),
        statistics: str = "running",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_positive("resnet9", in_channels=in_channels, stem=stem, widths=widths)
        # The stem rounds an odd side up, the blocks round it down.
        final_size = ((image_size + 1) // 2) >> len(widths)
        if final_size < 1:
            raise ConfigError(
                f"resnet9: expected an image_size of {2 ** (len(widths) + 1) - 1} pixels or more to halve "
                f"{len(widths) + 1} times, got {image_size}. Enlarge the images or give fewer widths."
            )
        generator = torch.Generator().manual_seed(seed)
        self.in_channels, self.image_size = in_channels, image_size
        self.stem = nn.Sequential(
            build_convolution(in_channels, stem, 5, generator, stride=2), BatchNorm(stem, statistics=statistics)
        )
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(n_in, n_out, n_convolutions=2, statistics=statistics, generator=generator)
                for n_in, n_out in zip((stem, *widths[:-1]), widths, strict=True)
            )
        )
        self.dim = widths[-1] * final_size**2

    def forward(self, items: Tensor) -> Float[Tensor, "n_items dim"]:
        """Embed images.

        Raises:
            ShapeError: the images have another shape than the backbone was built for.
        """
        size = self.image_size
        axes = [("n_items", None), ("channels", self.in_channels), ("height", size), ("width", size)]
        check_items(items, axes, "resnet9")
        return self.blocks(nn.functional.relu(self.stem(channels_last(items)))).flatten(1)
