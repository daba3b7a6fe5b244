"""Names to classes: the one place where a name or a dict of options becomes an object."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from metafuse.errors import ConfigError


class Registry:
    """A table of names, each the address `module:Class` of one implementation, or of the function that builds it.

    They are imported when they are first asked for, so a registry costs nothing to define.

    Args:
        kind: What the entries are, for messages: "learner", "fusion".
        table: Name -> "module:Class" or "module:function".
    """

    def __init__(self, kind: str, table: Mapping[str, str]) -> None:
        self.kind = kind
        self._table = dict(table)

    def names(self) -> list[str]:
        """List the known names, sorted."""
        return sorted(self._table)

    def get(self, name: str) -> Callable[..., Any]:
        """Import and return what builds the thing of a name.

        Raises:
            ConfigError: the name is not in the table.
        """
        if name not in self._table:
            known = ", ".join(self.names())
            raise ConfigError(f"unknown {self.kind} '{name}'. Known: {known}. Use one of these names.")
        module, _, attribute = self._table[name].partition(":")
        return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]

    def build(self, name: str, /, *args: object, **options: object) -> Any:
        """Construct the implementation behind a name.

        Raises:
            ConfigError: the name is unknown, or an option is not an argument of its constructor or of another type.
        """
        build = self.get(name)
        signature = inspect.signature(build)
        try:
            signature.bind(*args, **options)
        except TypeError as err:
            raise ConfigError(f"{self.kind} '{name}': {err}. It takes {signature}.") from err
        for option, value in options.items():
            parameter = signature.parameters.get(option)
            if parameter is not None and not _fits(value, parameter.annotation):
                raise ConfigError(
                    f"{self.kind} '{name}': expected {option} as in '{parameter}', got {value!r}. Correct it."
                )
        return build(*args, **options)


def _fits(value: object, annotation: Any) -> bool:
    """Whether a value is of an annotated type; a whole number serves for a float."""
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return True
    try:
        TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True
