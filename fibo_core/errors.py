"""The errors of FIBO Studio, in one tree.

Each message says what happened, the value seen (never a secret) and what to do; a page, the API and the command
line show it as it is, and may add their own way to its remedy. Adapters translate their library's errors into these at
one boundary, with ``from exc``; anything else that escapes is a bug and is not caught.

FiboError
├── InputError                 what the user gave cannot be used (the command line exits with 2)
│   ├── SettingsError          an environment variable
│   ├── PromptError            a structured prompt: carries path, line and column
│   ├── RequestError           a size, seed, step count…
│   ├── PictureError           an uploaded picture or recipe
│   └── NewerVersion           a stored value that a newer FIBO Studio has written
├── WriterError                no prompt was written
│   ├── WriterUnavailable      this writer cannot answer now; another may
│   ├── WriterAnswerError      it answered something that is no prompt; carries the raw text
│   ├── PromptRefused          the service does not allow these words or this picture; no other writer is asked
│   ├── NoWriterAnswered       all that are set up were asked; carries every reason
│   └── NothingChanged         a refinement came to the prompt that it started from, and was to change it
├── EngineError                no picture was painted
│   ├── ModelMissing           its weights are not on this machine
│   ├── ModelLoadFailed        its weights are there, and do not load
│   ├── OutOfMemory            the device's memory did not suffice; it has been freed
│   ├── DeviceFailed           the GPU failed in a way that spoils this process
│   └── DownloadFailed         weights could not be fetched
├── StoreError                 the history cannot do what was asked
│   ├── WorkspaceUnwritable    read-only, full, or not there
│   ├── DraftTooLarge          what a browser has left on the pages is more than is kept
│   ├── DatabaseTooNew         written by a newer FIBO Studio
│   ├── DatabaseUnreadable     damaged, locked or not a database
│   ├── InputGone              a picture that an order names is not there any more
│   ├── CollectionNotFound
│   ├── UndoGone               a change of labels that is not known any more
│   ├── GenerationNotFound
│   └── GenerationDamaged      its row cannot be read
├── JobError
│   ├── QueueFull
│   ├── QueueTaken             another process owns this workspace's queue
│   ├── JobNotFound
│   ├── JobDamaged             its row cannot be read
│   ├── BatchNotFound
│   ├── ImportNotFound
│   ├── KeyReused              the key of one order came with another
│   └── BatchDamaged           its order cannot be read
└── Stopped                    work ended before its result, on purpose
    ├── Cancelled              somebody asked for it
    ├── TimedOut               it ran longer than JOB_TIMEOUT_S
    └── Interrupted            the process ends
"""

from collections.abc import Sequence


class FiboError(Exception):
    """Base of every error a user may see; ``str(error)`` is the sentence to show.

    ``remedy`` says in a form for programs what mends it, where a shell may have a button or a command for that:
    "download MODEL" (the weights of a model of the catalogue) or "rebuild" (the history out of its files).
    """

    def __init__(self, message: str = "", *, remedy: str = ""):
        super().__init__(message)
        self.remedy = remedy


class InputError(FiboError):
    """What the user gave cannot be used."""


class SettingsError(InputError):
    """An environment variable has a value that is not allowed."""


class PromptError(InputError):
    """A structured prompt is not JSON, or not of FIBO's shape.

    ``path`` is the JSON path of the fault (``objects[0].location``, "" for the whole document); ``line`` and
    ``column`` (from 1) stand where the fault can be located in the text.
    """

    def __init__(self, message: str, path: str = "", line: int | None = None, column: int | None = None):
        super().__init__(message)
        self.path = path
        self.line = line
        self.column = column


class RequestError(InputError):
    """A generation setting is outside what the model can do."""


class PictureError(InputError):
    """An uploaded file is not a picture (or not one that carries a recipe)."""


class NewerVersion(InputError):
    """A stored order, task or recipe was written by a newer FIBO Studio."""


class WriterError(FiboError):
    """No prompt was written."""


class WriterUnavailable(WriterError):
    """This writer cannot answer now; another one may.

    ``retry_after_s``: when to ask it again, where that is known; ``meanwhile`` is what it is until then, as a
    sentence about it goes on.
    """

    def __init__(
        self,
        message: str,
        retry_after_s: float | None = None,
        *,
        meanwhile: str = "is over its quota",
        remedy: str = "",
    ):
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s
        self.meanwhile = meanwhile


class WriterAnswerError(WriterError):
    """The writer answered something that is no structured prompt; ``text`` is what it said."""

    def __init__(self, message: str, text: str):
        super().__init__(message)
        self.text = text


class PromptRefused(WriterError):
    """The service blocked the words, the picture or its own answer; asking another writer would sidestep that."""


class NoWriterAnswered(WriterError):
    """Every writer that is set up was asked. Carries all reasons; ``text`` is what was answered that is no prompt."""

    def __init__(self, reasons: Sequence[tuple[str, FiboError]]):
        said = " ".join(f"{title}: {error}" for title, error in reasons)
        super().__init__(f"No prompt was written. {said or 'No prompt writer is set up.'}")
        self.reasons = tuple(reasons)
        self.text = "\n\n".join(error.text for _, error in reasons if isinstance(error, WriterAnswerError))


class NothingChanged(WriterError):
    """The writer's answer to an instruction is the prompt that it was given."""


class EngineError(FiboError):
    """No picture was painted."""


class ModelMissing(EngineError):
    """The model's weights are not on this machine."""


class ModelLoadFailed(EngineError):
    """The model's weights are there, and do not load."""


class OutOfMemory(EngineError):
    """The device's memory did not suffice; what the render held has been freed."""


class DeviceFailed(EngineError):
    """The GPU, or the engine's process, failed; nothing can be painted before a fresh process has taken its place."""


class DownloadFailed(EngineError):
    """A model's weights could not be fetched.

    ``passing`` says in some words what may be gone a little later ("" where nothing is), and ``retry_after_s`` when,
    where the hub has told.
    """

    def __init__(self, message: str, *, passing: str = "", retry_after_s: float = 0.0):
        super().__init__(message)
        self.passing = passing
        self.retry_after_s = retry_after_s


class StoreError(FiboError):
    """The history cannot do what was asked."""


class WorkspaceUnwritable(StoreError):
    """The workspace is read-only, full, or not there."""


class DraftTooLarge(StoreError):
    """What a browser has left on the pages is more than is kept."""


class DatabaseTooNew(StoreError):
    """The database was written by a newer FIBO Studio."""


class DatabaseUnreadable(StoreError):
    """The database is damaged, locked for too long, or not a database."""


class InputGone(StoreError):
    """A picture that an order brought is not kept any more."""


class CollectionNotFound(StoreError):
    """No collection has this id or name."""


class UndoGone(StoreError):
    """No change of labels that could be undone has this token."""


class GenerationNotFound(StoreError):
    """No picture has this id."""


class GenerationDamaged(StoreError):
    """The picture's row holds what no row of ours does."""


class JobError(FiboError):
    """The queue cannot do what was asked."""


class QueueFull(JobError):
    """As many jobs wait as the queue takes."""


class QueueTaken(JobError):
    """Another process owns the queue of this workspace."""


class JobNotFound(JobError):
    """No job has this id."""


class JobDamaged(JobError):
    """The job's row holds what no row of ours does."""


class BatchNotFound(JobError):
    """No batch has this id."""


class ImportNotFound(JobError):
    """No import has this id."""


class KeyReused(JobError):
    """The key that a sender gave an order came with another order before."""


class BatchDamaged(JobError):
    """The batch's row holds what no row of ours does, or what a newer FIBO Studio has written."""


class Stopped(FiboError):
    """Work ended before its result, on purpose."""


class Cancelled(Stopped):
    """Somebody cancelled the work."""


class TimedOut(Stopped):
    """The work ran longer than it may."""


class Interrupted(Stopped):
    """The process ends; the work can be asked for again."""
