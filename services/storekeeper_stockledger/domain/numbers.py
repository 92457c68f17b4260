"""How numbers are written."""

from abc import ABC, abstractmethod
from decimal import Decimal


def plain(number: Decimal) -> str:
    """The one way to write a number: without an exponent and without trailing zeros, so that equal ones look equal."""
    # Most places are empty, most of the time.
    if not number:
        return "0"
    text = str(number)
    if "E" in text:
        return f"{number.normalize():f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Written(ABC):
    """Some numbers together, which are written once: what a movement leaves is sealed, stored and told."""

    __slots__ = ("_texts",)

    @property
    @abstractmethod
    def units(self) -> tuple[Decimal, ...]:
        """The numbers, in their order."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Each of them as `plain` writes it."""
        texts: tuple[str, ...] | None = getattr(self, "_texts", None)
        if texts is None:
            texts = self._texts = tuple(map(plain, self.units))
        return texts
