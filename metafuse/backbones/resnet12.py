"""Twelve convolutions in four residual blocks, the usual larger backbone for few-shot images.

Oreshkin, Rodriguez, Lacoste 2018, "TADAM", arXiv:1805.10123; Lee, Maji, Ravichandran, Soatto 2019, "MetaOptNet",
arXiv:1904.03758, section 4.1: blocks as in `ResidualBlock`, of three convolutions each.

Deviation: no DropBlock.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.backbones.base import channels_last, check_items, check_positive
from metafuse.backbones.residual import ResidualBlock
from metafuse.errors import ConfigError


class ResNet12(nn.Module):
    """Embeds images of (n_items, in_channels, image_size, image_size).

    Args:
        in_channels: Channels of an image: 1 for grey, 3 for colour.
        image_size: Height and width in pixels; halved once a block.
        widths: Channels of each block; three convolutions in each.
        pooling: "mean" averages the places that are left, "flatten" keeps them.
        statistics: Of the normalisation: "running" or "batch", see `BatchNorm`.
        seed: Of the first weights.
    Raises:
        ConfigError: the image is too small to be halved once a block, or an option is none of its values.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        image_size: int = 84,
        widths: Sequence[int] = (64, 160, 320, 640),
        pooling: str = "mean",
        statistics: str = "running",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_positive("resnet12", in_channels=in_channels, widths=widths)
        if pooling not in ("flatten", "mean"):
            raise ConfigError(f"resnet12: expected pooling 'flatten' or 'mean', got '{pooling}'.")
        if image_size < 2 ** len(widths):
            raise ConfigError(
                f"resnet12: expected an image_size of {2 ** len(widths)} pixels or more to halve {len(widths)} times, "
                f"got {image_size}. Enlarge the images or give fewer widths."
            )
        generator = torch.Generator().manual_seed(seed)
        self.in_channels, self.image_size, self.pooling = in_channels, image_size, pooling
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(n_in, n_out, n_convolutions=3, statistics=statistics, generator=generator)
                for n_in, n_out in zip((in_channels, *widths[:-1]), widths, strict=True)
            )
        )
        self.dim = widths[-1] * (1 if pooling == "mean" else (image_size >> len(widths)) ** 2)

    def forward(self, items: Tensor) -> Float[Tensor, "n_items dim"]:
        """Embed images.

        Raises:
            ShapeError: the images have another shape than the backbone was built for.
        """
        size = self.image_size
        axes = [("n_items", None), ("channels", self.in_channels), ("height", size), ("width", size)]
        check_items(items, axes, "resnet12")
        places = self.blocks(channels_last(items))
        return places.mean((2, 3)) if self.pooling == "mean" else places.flatten(1)
