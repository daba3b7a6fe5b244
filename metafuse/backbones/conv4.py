"""Four convolutional blocks, the usual small backbone for images.

Vinyals et al. 2016, "Matching Networks", arXiv:1606.04080, section 4.1; Snell, Swersky, Zemel 2017, "Prototypical
Networks", arXiv:1703.05175, section 3.1: four blocks of a 3x3 convolution, batch normalisation, ReLU, 2x2 max-pooling.

Deviations: the convolutions have no bias, which the normalisation would subtract again; pooling comes before ReLU,
which gives the same values from a quarter of the work. Finn, Abbeel, Levine 2017, "MAML", arXiv:1703.03400, section
5.2, steps the kernel by 2 in place of pooling: `downsampling="stride"`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metafuse.backbones.base import channels_last, check_items, check_positive
from metafuse.backbones.initialisation import build_convolution
from metafuse.backbones.normalisation import BatchNorm
from metafuse.errors import ConfigError

N_BLOCKS = 4


class Conv4(nn.Module):
    """Embeds images of (n_items, in_channels, image_size, image_size).

    Args:
        in_channels: Channels of an image: 1 for grey, 3 for colour.
        image_size: Height and width in pixels; halved four times.
        channels: Channels of every block.
        downsampling: "pool" takes the largest of 2x2 places, "stride" convolves every second one (4 x quicker).
        pooling: "flatten" keeps what is left of the places (one of 28x28 pixels), "mean" averages them.
        statistics: Of the normalisation: "running" or "batch", see `BatchNorm`.
        seed: Of the first weights.
    Raises:
        ConfigError: the image is too small to be halved four times, or an option is none of its values.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        channels: int = 64,
        downsampling: str = "pool",
        pooling: str = "flatten",
        statistics: str = "running",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_positive("conv4", in_channels=in_channels, channels=channels)
        _check_options(image_size, downsampling, pooling)
        generator = torch.Generator().manual_seed(seed)
        self.in_channels, self.image_size, self.pooling = in_channels, image_size, pooling
        stride = 2 if downsampling == "stride" else 1
        self.blocks = nn.Sequential(
            *(
                _Block(in_channels if block == 0 else channels, channels, stride, statistics, generator)
                for block in range(N_BLOCKS)
            )
        )
        self.dim = channels * (1 if pooling == "mean" else _final_size(image_size, stride) ** 2)

    def forward(self, items: Tensor) -> Float[Tensor, "n_items dim"]:
        """Embed images.

        Raises:
            ShapeError: the images have another shape than the backbone was built for.
        """
        size = self.image_size
        check_items(
            items, [("n_items", None), ("channels", self.in_channels), ("height", size), ("width", size)], "conv4"
        )
        places = self.blocks(channels_last(items))
        return places.mean((2, 3)) if self.pooling == "mean" else places.flatten(1)


class _Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int, statistics: str, generator: torch.Generator) -> None:
        super().__init__()
        self.convolution = build_convolution(n_in, n_out, 3, generator, stride=stride)
        self.normalise = BatchNorm(n_out, statistics=statistics)
        self.pool = nn.MaxPool2d(2) if stride == 1 else nn.Identity()

    def forward(self, images: Float[Tensor, "n_items channels height width"]) -> Float[Tensor, "n_items n_out h w"]:
        return nn.functional.relu(self.pool(self.normalise(self.convolution(images))))


def _check_options(image_size: int, downsampling: str, pooling: str) -> None:
    if downsampling not in ("pool", "stride"):
        raise ConfigError(f"conv4: expected downsampling 'pool' or 'stride', got '{downsampling}'.")
    if pooling not in ("flatten", "mean"):
        raise ConfigError(f"conv4: expected pooling 'flatten' or 'mean', got '{pooling}'.")
    if image_size < 2**N_BLOCKS:
        raise ConfigError(
            f"conv4: expected an image_size of {2**N_BLOCKS} pixels or more to halve {N_BLOCKS} times, "
            f"got {image_size}. Enlarge the images."
        )


def _final_size(image_size: int, stride: int) -> int:
    for _ in range(N_BLOCKS):
        # Pooling drops an odd row at the end; a stepping kernel padded by one keeps it.
        image_size = image_size // 2 if stride == 1 else (image_size + 1) // 2
    return image_size
