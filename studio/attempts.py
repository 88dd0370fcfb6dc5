"""How often a password may be tried: by each address with growing waits, by all of them together so many an hour.

An address may be made up by who sends it; the limit for all together holds whatever they say.
"""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass

FREE_TRIES = 5  #: of one address, before it has to wait
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 900.0  #: doubled with each further failure
FORGOTTEN_S = 24 * 3600.0  #: after so long without a failure an address begins anew
TRIES_OF_ALL, ONE_MORE_S = 30, 20.0  #: at once; then one every so many seconds, some 4,300 a day


@dataclass
class _Address:
    failures: int = 0
    last: float = 0.0
    known: bool = False  #: gave the right password once: what strangers do is not held against it

    @property
    def wait_s(self) -> float:
        over = self.failures - FREE_TRIES
        return 0.0 if over < 0 else min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(over, 20))


class Attempts:
    """Asked before a password is looked at, told how it went. For one thread: the event loop's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._addresses: dict[str, _Address] = {}
        self._spare = float(TRIES_OF_ALL)  #: failures that all together may still have
        self._counted_at = clock()

    def wait_s(self, address: str) -> float:
        """How long this address must wait before its next try; 0 when it may. A try in between changes nothing."""
        now, known = self._clock(), self._addresses.get(_group(address))
        own = 0.0 if known is None else known.last + known.wait_s - now
        self._refill(now)
        shared = 0.0 if self._spare >= 1 or (known is not None and known.known) else (1 - self._spare) * ONE_MORE_S
        return max(0.0, own, shared)

    def failed(self, address: str) -> None:
        now = self._clock()
        self._refill(now)
        self._spare = max(0.0, self._spare - 1)
        self._addresses = {name: each for name, each in self._addresses.items() if now - each.last < FORGOTTEN_S}
        entry = self._addresses.setdefault(_group(address), _Address())
        entry.failures, entry.last = entry.failures + 1, now

    def succeeded(self, address: str) -> None:
        """Earlier failures still count: behind some proxies a guesser has its victim's address."""
        self._addresses.setdefault(_group(address), _Address(last=self._clock())).known = True

    def _refill(self, now: float) -> None:
        self._spare = min(float(TRIES_OF_ALL), self._spare + (now - self._counted_at) / ONE_MORE_S)
        self._counted_at = now


def _group(address: str) -> str:
    """One line of one customer: in IPv6 a whole /64 is."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
