"""Trace files: read with one clear line where something is wrong, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from model.trace import Trace, TraceError, from_document, to_document


def read(path: Path) -> Trace:
    """The trace in a file. Raises TraceError naming the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TraceError(f"{path}: cannot be read ({error.strerror}); give the path of a trace file") from None
    except UnicodeDecodeError:
        raise TraceError(f"{path}: not a text file; give a trace that lockstep verify wrote") from None
    except ValueError as error:
        raise TraceError(f"{str(path)!r}: not a path ({error}); give the path of a trace file") from None
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise TraceError(f"{path}: line {error.lineno}, column {error.colno}: not JSON ({error.msg}); "
                         "the file is damaged or cut short; run lockstep verify again") from None
    except ValueError:
        raise TraceError(f"{path}: a number is too long to be read; give a trace that lockstep verify wrote") from None
    except RecursionError:
        raise TraceError(f"{path}: nested too deeply to be a trace; give a trace that lockstep verify wrote") from None
    try:
        return from_document(document)
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from None


def to_text(trace: Trace) -> str:
    """The trace as JSON text."""
    return json.dumps(to_document(trace), indent=1, ensure_ascii=False) + "\n"


def write(path: Path, content: str | bytes) -> None:
    """Write a file whole: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
