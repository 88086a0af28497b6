"""OSC time tags: 64 bit NTP time stamps (OSC 1.0, "Temporal Semantics and OSC Time Tags").

Pure conversions: nothing here reads a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, SupportsIndex, overload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import TypeAlias

    Moment: TypeAlias = datetime  # TimeTag has a method of the other name

__all__ = ["IMMEDIATELY", "UNIX_EPOCH", "TimeTag"]

_NANOSECONDS: Final = 1_000_000_000
UNIX_EPOCH: Final = 2_208_988_800
"""1970 in NTP seconds, which count from 1900."""

_ERA: Final = 1 << 32  # NTP seconds wrap on 2036-02-07


class TimeTag(int):
    """A time tag: an integer of 64 bits, seconds since 1900 in the upper 32.

    The seconds wrap in 2036. As in RFC 4330, section 3, a tag whose highest bit is clear is
    after the wrap, so tags range from 1968 to 2104.
    """

    __slots__ = ()

    @classmethod
    def from_unix_ns(cls, nanoseconds: int) -> TimeTag:
        """The tag nearest to a Unix time in nanoseconds."""
        seconds, rest = divmod(nanoseconds, _NANOSECONDS)
        fraction = ((rest << 32) + _NANOSECONDS // 2) // _NANOSECONDS
        return cls((((seconds + UNIX_EPOCH) << 32) + fraction) % (1 << 64))

    @classmethod
    def from_unix(cls, seconds: float) -> TimeTag:
        """The tag nearest to a Unix time in seconds, as ``time.time()`` returns."""
        whole, part = divmod(seconds, 1.0)  # a single product loses some hundred nanoseconds
        return cls.from_unix_ns(int(whole) * _NANOSECONDS + round(part * _NANOSECONDS))

    @property
    def seconds(self) -> int:
        """Whole NTP seconds, 0 to 2^32 - 1."""
        return self >> 32

    @property
    def fraction(self) -> int:
        """Fraction of a second, in units of 2^-32 s."""
        return self & 0xFFFFFFFF

    @property
    def immediate(self) -> bool:
        """True for the special tag 1, and for 0, which senders without a clock use."""
        return self <= 1

    def unix_ns(self) -> int:
        """Unix time in nanoseconds, rounded to the nearest."""
        seconds = self >> 32
        if not seconds & 0x80000000:
            seconds += _ERA
        return (seconds - UNIX_EPOCH) * _NANOSECONDS + (
            ((self & 0xFFFFFFFF) * _NANOSECONDS + (1 << 31)) >> 32
        )

    def unix(self) -> float:
        """Unix time in seconds."""
        return self.unix_ns() / _NANOSECONDS

    def datetime(self) -> datetime:
        """The same instant in UTC, truncated to microseconds."""
        from datetime import UTC, datetime, timedelta  # slow to import, and rarely needed

        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.unix_ns() // 1000)

    def __iter__(self) -> Iterator[Moment | int]:
        """Its whole second, a UTC ``datetime`` without a time zone, and its :attr:`fraction`.

        So ``when, fraction = tag``, as for the time tags that python-osc passes to handlers.
        """
        from datetime import datetime, timedelta

        seconds = self >> 32
        if not (seconds & 0x80000000 or self.immediate):
            seconds += _ERA
        yield datetime(1900, 1, 1) + timedelta(seconds=seconds)
        yield self.fraction

    def __len__(self) -> int:
        return 2

    @overload
    def __getitem__(self, index: SupportsIndex) -> Moment | int: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Moment | int, ...]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Moment | int | tuple[Moment | int, ...]:
        """An item of the pair that it unpacks to: ``tag[0]`` is the whole second."""
        return tuple(self)[index]

    def __repr__(self) -> str:
        return f"TimeTag({int(self):#018x})"


IMMEDIATELY: Final = TimeTag(1)
