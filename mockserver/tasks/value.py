"""`@value` and `@equal_value`: how a value is written down here."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False)
def value(cls: type[T]) -> type[T]:
    """A value: frozen for the type checker, made as fast as a plain object, compared by identity.

    (A dataclass that is frozen at run time, too, takes five times as long to make, and a retry makes five.)
    """
    return dataclass(slots=True, eq=False)(cls)


@dataclass_transform(frozen_default=True)
def equal_value(cls: type[T]) -> type[T]:
    """The same, but it equals another whose fields are equal."""
    return dataclass(slots=True)(cls)
