"""How often a password may be tried: by each guesser with growing waits, by all of them together so many an hour.

A guesser is an address or, with a cookie that proves an earlier login, a browser. An address may be made up by who
sends it; the limit for all together holds whatever they say, and bounds what is remembered.
"""

import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

FREE_TRIES = 5  #: of one guesser, before it has to wait
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 900.0  #: doubled with each further failure
FORGOTTEN_S = 24 * 3600.0  #: after so long without a failure a guesser begins anew
TRIES_OF_ALL, ONE_MORE_S = 30, 20.0  #: at once; then one every so many seconds, some 4,300 a day


@dataclass
class _Guesser:
    failures: int = 0
    failed_at: float = -math.inf
    known_at: float = -math.inf  #: gave the right password then: what strangers do is not held against it

    @property
    def wait_s(self) -> float:
        over = self.failures - FREE_TRIES
        return 0.0 if over < 0 else min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(over, 20))


class Attempts:
    """Asked before a password is looked at, told how it went. For one thread: the event loop's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guessers: dict[str, _Guesser] = {}
        self._spare = float(TRIES_OF_ALL)  #: failures that all together may still have
        self._counted_at = clock()

    @property
    def remembered(self) -> int:
        """How many guessers are remembered."""
        return len(self._guessers)

    def wait_s(self, who: str) -> float:
        """How long this guesser must wait before its next try; 0 when it may. A try in between changes nothing."""
        now, guesser = self._clock(), self._guessers.get(_group(who), _Guesser())
        own = guesser.failed_at + guesser.wait_s - now
        self._refill(now)
        known = guesser.known_at > -math.inf
        shared = 0.0 if self._spare >= 1 or known else (1 - self._spare) * ONE_MORE_S
        return max(0.0, own, shared)

    def failed(self, who: str) -> None:
        now = self._clock()
        self._refill(now)
        self._spare = max(0.0, self._spare - 1)
        self._forget(now)
        guesser = self._guessers.setdefault(_group(who), _Guesser())
        guesser.failures, guesser.failed_at = guesser.failures + 1, now

    def known(self, who: str) -> None:
        """It has given the right password, now or before. Its failures still count: behind some proxies a guesser has
        its victim's address."""
        self._guessers.setdefault(_group(who), _Guesser()).known_at = self._clock()

    def _forget(self, now: float) -> None:
        for name, guesser in list(self._guessers.items()):
            if now - guesser.failed_at >= FORGOTTEN_S:
                guesser.failures = 0
                if now - guesser.known_at >= FORGOTTEN_S:
                    del self._guessers[name]

    def _refill(self, now: float) -> None:
        self._spare = min(float(TRIES_OF_ALL), self._spare + (now - self._counted_at) / ONE_MORE_S)
        self._counted_at = now


def _group(who: str) -> str:
    """An address stands for one customer's line: in IPv6 a whole /64 is one."""
    try:
        ip = ipaddress.ip_address(who)
    except ValueError:
        return who
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
