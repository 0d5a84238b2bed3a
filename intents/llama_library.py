"""llama.cpp's C interface, silenced.

The class `llama_cpp.Llama` is never used: it compiles the chat template of every file that it loads, which is code
from a stranger.
"""

import ctypes
import os
from typing import Any

from intents.errors import ModelError

_log_callbacks: list[Any] = []
"""Keeps the callback that llama.cpp calls alive: ctypes doesn't."""


def import_llama() -> Any:  # noqa: ANN401 - llama_cpp has no types
    """Import the C interface; its levels of logging are not those of `verbose`. Raises `ModelError`."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        import llama_cpp.llama_cpp as llama
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"llama-cpp-python can't be imported: {error}.", remedy="Install it: `pip install llama-cpp-python`."
        ) from None
    if not _log_callbacks:
        _log_callbacks.append(llama.llama_log_callback(_ignore_log))
        llama.llama_log_set(_log_callbacks[0], ctypes.c_void_p(0))
        llama.llama_backend_init()
    return llama


def architecture_of(llama: Any, model: Any) -> str:  # noqa: ANN401 - llama_cpp has no types
    """Return what a loaded model says that it is (`bert`, `llama`, `qwen3`)."""
    buffer = ctypes.create_string_buffer(64)
    size = llama.llama_model_meta_val_str(model, b"general.architecture", buffer, len(buffer))
    return buffer.value.decode("ascii", "replace") if size > 0 else ""


def _ignore_log(_level: int, _text: bytes, _user_data: ctypes.c_void_p) -> None:
    """Drop a line of llama.cpp's log; a failure is seen by what its functions return."""
