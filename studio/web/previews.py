"""Previews of pictures that are being painted, under addresses that name their content: whoever asks for one twice, or
for one that was painted a moment ago, is given just that picture or nothing.
"""

import hashlib
import threading
from collections import OrderedDict

REMEMBERED = 256  #: of some 8 kB each


class Previews:
    """The newest previews of the process, by name."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def of_process() -> "Previews":
        return _PREVIEWS

    def address(self, jpeg: bytes) -> str:
        """Where a browser finds these bytes, for as long as they are among the newest."""
        name = hashlib.sha256(jpeg).hexdigest()[:32]
        with self._lock:
            self._kept[name] = jpeg
            self._kept.move_to_end(name)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return f"/img/preview/{name}.jpg"

    def get(self, name: str) -> bytes | None:
        return self._kept.get(name)


_PREVIEWS = Previews()
