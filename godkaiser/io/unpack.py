"""The lines of a recording as far as they are good; what a crash or a memory card left behind them is counted."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PIECE: Final = 256  # bytes: so exactly is known where packed ones are no longer good
MAGIC: Final = b"\x1f\x8b"


@dataclass(slots=True)
class Source:
    """`bad`: the first byte of the file that could not be read; None: all could. `cut`: the end is missing."""

    path: Path
    packed: bool
    cut: bool = False
    bad: int | None = None

    @property
    def left(self) -> int:
        """How many bytes of the file were left out."""
        return 0 if self.bad is None else self.path.stat().st_size - self.bad

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each with the place in the file where it begins, or where the piece does in which it is packed."""
        rest, begin = b"", 0
        for place, data in self._unpacked() if self.packed else self._plain():
            begin = begin if rest else place
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield begin, line
                begin = place if self.packed else begin + len(line) + 1
        if rest and not self.packed:
            self.stop(begin)
        self.cut = self.cut or bool(rest)

    def _plain(self) -> Iterator[tuple[int, bytes]]:
        place = 0
        with self.path.open("rb") as file:
            while data := file.readline():
                yield place, data
                place += len(data)

    def _unpacked(self) -> Iterator[tuple[int, bytes]]:
        """Some recordings may stand behind each other, and zeros behind them."""
        pack = zlib.decompressobj(zlib.MAX_WBITS | 16)
        for place, piece in self._pieces():
            data = piece
            while data:
                end = place + len(piece) - len(data)
                if pack.eof:
                    if not self._goes_on(end):
                        return
                    pack = zlib.decompressobj(zlib.MAX_WBITS | 16)
                try:
                    found = pack.decompress(data)
                except zlib.error:
                    self.stop(end)
                    return
                data = pack.unused_data
                yield place, found
        self.cut = not pack.eof

    def _pieces(self) -> Iterator[tuple[int, bytes]]:
        place = 0
        with self.path.open("rb") as file:
            while piece := file.read(PIECE):
                yield place, piece
                place += len(piece)

    def _goes_on(self, place: int) -> bool:
        """Behind an end."""
        with self.path.open("rb") as file:
            file.seek(place)
            if file.read(len(MAGIC)) == MAGIC:
                return True
            file.seek(place)
            if any(piece.strip(b"\0") for piece in iter(lambda: file.read(1 << 16), b"")):
                self.stop(place)
        return False

    def stop(self, place: int) -> None:
        """From there on nothing is believed."""
        self.cut, self.bad = True, place
