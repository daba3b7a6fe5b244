"""`${NAME}` in addresses: the only way that credentials come in from outside a call."""

import os
import re

from metafuse.errors import ConfigError

_REFERENCE = re.compile(r"\$\{(\w+)\}")


def expand(text: str) -> str:
    """Replace each `${NAME}` by that environment variable.

    Raises:
        ConfigError: the variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigError(
                f"the environment variable {match[1]}, named in the source's address, is not set. Set it."
            )
        return os.environ[match[1]]

    return _REFERENCE.sub(value, text)
