"""A log of validations that TensorBoard reads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from metafuse.errors import ConfigError, MissingExtraError
from metafuse.meta_training.state import Validation

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


@contextmanager
def open_log(folder: Path | None) -> Iterator[Callable[[Validation], None]]:
    """Open a log; what is yielded writes one validation to it, or does nothing where no folder is given.

    Raises:
        MissingExtraError: TensorBoard is not installed.
        ConfigError: the folder cannot be written.
    """
    if folder is None:
        yield lambda validation: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as err:
        raise MissingExtraError(
            f"a log in '{folder}' needs TensorBoard. Install it: pip install \"metafuse[train]\", or leave --log out."
        ) from err
    try:
        writer = SummaryWriter(str(folder))
    except OSError as err:
        raise ConfigError(f"the log in '{folder}' cannot be written ({err.strerror}). Choose another --log.") from err
    try:
        yield lambda validation: _write(writer, validation)
    finally:
        writer.close()


def _write(writer: "SummaryWriter", validation: Validation) -> None:
    writer.add_scalar("meta_val/accuracy", validation.accuracy, validation.step)
    writer.add_scalar("meta_val/half_width", validation.half_width, validation.step)
    if validation.step:
        writer.add_scalar("meta_train/loss", validation.loss, validation.step)
        writer.add_scalar("meta_train/accuracy", validation.train_accuracy, validation.step)
    writer.flush()
