"""What to do when memory runs out: know it by any library's words, and release what the failure still holds.

An error keeps the frames it came through, and these keep their tensors; freeing them takes more than dropping the
pipeline.
"""

import errno
import gc
import sys
import traceback

#: How torch and the libraries below it word a failed allocation, each in a RuntimeError.
WORDS = ("can't allocate memory", "out of memory", "ALLOC_FAILED", "bad_alloc", "could not create a primitive")


#: How torch words a fault of the GPU after which no call in this process works any more.
SPOILED = ("CUDA error", "CUBLAS_STATUS", "CUDNN_STATUS", "device-side assert")


def is_spoiled(error: BaseException) -> bool:
    """Whether an error leaves the process without a GPU that works; memory that ran out does not."""
    return (
        isinstance(error, RuntimeError)
        and not is_out_of_memory(error)
        and any(words in str(error) for words in SPOILED)
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that an allocation failed, on the device or in main memory."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)
    )


def release_tensors(error: BaseException) -> None:
    """Frees the tensors held by the frames an error came through; its trace stays for the log."""
    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__cause__


def release_memory() -> None:
    """Returns freed memory to the device."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
