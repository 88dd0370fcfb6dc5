"""The studio for Python programs: ``Studio(url, key).generate("a red ball").wait().pictures[0].save("ball.png")``.

It speaks the REST API of a studio that runs, here or elsewhere; nothing is painted in this process, and no model's
library imported.
"""

from studio.client.batches import Batch, Event
from studio.client.errors import BatchFailed, StudioError, Unreachable
from studio.client.labels import LabelsChanged
from studio.client.pictures import Picture, PicturePage
from studio.client.studio import OrderOptions, Studio

__all__ = [
    "Batch",
    "BatchFailed",
    "Event",
    "LabelsChanged",
    "OrderOptions",
    "Picture",
    "PicturePage",
    "Studio",
    "StudioError",
    "Unreachable",
]
