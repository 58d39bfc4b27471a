"""Which rows a reading met, and which assets it changed: a bit for each of perhaps a million."""

from collections.abc import Iterable


class Seen:
    """A set of small whole numbers."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> None:
        """Put a number in."""
        byte = number >> 3
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1 - len(self._bits) + len(self._bits) // 8))
        self._bits[byte] |= 1 << (number & 7)

    def update(self, numbers: Iterable[int]) -> None:
        """Put numbers in."""
        for number in numbers:
            self.add(number)

    def __len__(self) -> int:
        return int.from_bytes(self._bits).bit_count()

    def __contains__(self, number: int) -> bool:
        byte = number >> 3
        return byte < len(self._bits) and bool(self._bits[byte] >> (number & 7) & 1)
