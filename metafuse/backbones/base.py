"""What a backbone is: a network that embeds raw items."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from metafuse.errors import ConfigError, ShapeError


@runtime_checkable
class Backbone(Protocol):
    """Embeds items; also an `nn.Module`, whose options are plain values and whose weights follow from its seed.

    Attributes:
        dim: Length of the embedding.
    """

    dim: int

    def forward(self, items: Tensor) -> Float[Tensor, "n_items dim"]:
        """Embed.

        Raises:
            ShapeError: the items are not of the shape the backbone was built for.
        """
        ...


def check_items(items: Tensor, expected: Sequence[tuple[str, int | None]], backbone: str) -> None:
    """Check the shape of a backbone's input, and that it is floating point.

    Args:
        items: The input.
        expected: Name and length of each axis, None where any length will do.
        backbone: Its name, for messages.
    Raises:
        ShapeError: it has another number of axes, another length on one of them, or holds whole numbers.
    """
    wanted = "(" + ", ".join(name if length is None else f"{name}={length}" for name, length in expected) + ")"
    fits = items.ndim == len(expected) and all(
        length in (None, got) for (_, length), got in zip(expected, items.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{backbone}: expected items of shape {wanted}, got {tuple(items.shape)}. "
            "Bring the items to that shape, or build the backbone for theirs."
        )
    if not items.is_floating_point():
        raise ShapeError(f"{backbone}: expected floating point items, got {items.dtype}. Convert and scale them first.")


def check_positive(backbone: str, **counts: int | Sequence[int]) -> None:
    """Check that counts are at least 1.

    Args:
        backbone: Its name, for messages.
        counts: Option name -> its value, or values.
    Raises:
        ConfigError: one is not, or a list of them is empty.
    """
    for name, value in counts.items():
        values = [value] if isinstance(value, int) else list(value)
        if not values or any(count < 1 for count in values):
            raise ConfigError(f"{backbone}: expected {name} of at least 1, got {value}. Raise it.")


def channels_last(
    images: Float[Tensor, "n_items channels height width"],
) -> Float[Tensor, "n_items channels height width"]:
    """Return the same images with the strides of channels last, which convolutions on a CPU take twice as fast.

    One channel alone does not show which way it lies, and what follows would be laid out channels first.
    """
    return images.squeeze(1).unsqueeze(-1).movedim(-1, 1) if images.shape[1] == 1 else images
