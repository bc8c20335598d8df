"""A property that is worked out once for its object. ``functools.cached_property`` has one lock for all objects of a
class (until Python 3.12): one that asks Appwrite would have every request wait for every other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):
    """For an object that one thread works with, as a decision's are."""

    def __init__(self, ask: Callable[[Any], T]) -> None:
        self._ask, self._name = ask, ask.__name__
        self.__doc__ = ask.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, of: None, owner: type) -> once[T]: ...
    @overload
    def __get__(self, of: object, owner: type) -> T: ...
    def __get__(self, of: object | None, owner: type) -> T | once[T]:
        if of is None:
            return self
        # It has no __set__: from now on the attribute of the object comes first, and this is asked no more.
        value = of.__dict__[self._name] = self._ask(of)
        return value
