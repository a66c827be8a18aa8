"""Machine code that is made once and kept in a file, so that later processes start without a compiler.

Numba keeps what it compiled too, but only Numba can read it again, and loading Numba takes longer than most runs. Here
a function of C is taken out of what Numba makes, with everything that it calls put into it. LLVM turns that into code
which needs nothing but the system's C library, and loads it in the next process within some milliseconds.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from ctypes import CFUNCTYPE, c_int64, c_void_p
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm

from sim.errors import RunError

if TYPE_CHECKING:
    from numba.core.ccallback import CFunc

ENTRY = "entry"
"""The name of the function in the machine code."""

_log = logging.getLogger(__name__)
_signature = CFUNCTYPE(None, c_int64, c_void_p, c_void_p)

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
llvm.check_jit_execution()  # an OSError where the system forbids to run what a process has written


class Loaded:
    """A compiled function in memory, for as long as this object lives."""

    def __init__(self, code: bytes) -> None:
        self._engine: Any = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        address = self._engine.get_function_address(ENTRY)
        if not address:
            raise RunError(f"the machine code has no function {ENTRY}")
        self._function = _signature(address)

    def __call__(self, horizon: int, addresses: int, sizes: int) -> None:
        """Call it; arrays are told by the addresses of two lists: of where they begin, and of how long they are."""
        self._function(horizon, addresses, sizes)


def emitted(function: CFunc) -> bytes:
    """Turn what Numba compiled into machine code for this processor: an object file in the system's format.

    Raises:
        RunError: If it would need something of Numba when it runs, as it does where the function can fail or asks for
            memory. Numba lets a function of C that fails return as if nothing was wrong.
    """
    module, target = llvm.parse_assembly(function.inspect_llvm()), _target()
    for value in (*module.functions, *module.global_variables):
        if value.name == function.native_name:
            value.name = ENTRY
        elif not value.is_declaration:
            value.linkage = "internal"  # what nobody else sees is dropped where it is not used
    passes = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    declared = (value.name for value in (*module.functions, *module.global_variables) if value.is_declaration)
    needed = [name for name in declared if not name.startswith("llvm.")]  # not what the compiler puts in place itself
    if needed:
        raise RunError(f"the compiled engine cannot stand alone, it needs {', '.join(needed)}; run with --engine simpy")
    return bytes(target.emit_object(module))


def key(*parts: bytes) -> str:
    """What tells machine code apart: the parts that it is made of, this processor, the compiler and its options."""
    digest = hashlib.sha256()
    for part in (*parts, _compiler()):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:32]


@cache
def _compiler() -> bytes:
    machine = [llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    versions = [sys.version, *(f"{name} {importlib.metadata.version(name)}" for name in ("numba", "llvmlite"))]
    options = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("NUMBA_")]
    return "\n".join(machine + versions + options).encode()


def kept(name: str) -> bytes | None:
    """Machine code that was kept under a name, None where there is none or it is damaged."""
    for folder in _folders():
        try:
            content = (folder / f"{name}.o").read_bytes()
        except OSError:
            continue
        digest, code = content[:32], content[32:]
        if hashlib.sha256(code).digest() == digest:
            return code
    return None


def keep(name: str, code: bytes) -> None:
    """Keep machine code under a name, whole or not at all; where no folder can be written this is said and no more."""
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp", delete=False) as file:
                temporary = Path(file.name)
                file.write(hashlib.sha256(code).digest() + code)
        except OSError:
            continue
        try:
            temporary.replace(folder / f"{name}.o")
        except OSError:
            continue
        else:
            return
        finally:
            with suppress(OSError):
                temporary.unlink()  # where something came between
    folders = " or ".join(str(folder) for folder in _folders())
    _log.warning(
        "The compiled engine cannot be kept in %s: every process compiles it anew. Let XDG_CACHE_HOME be the path of a "
        "folder that can be written.",
        folders,
    )


def _folders() -> Iterator[Path]:
    """Beside the program, where Python keeps its own; with the user, where the program may not be written."""
    with suppress(NotImplementedError):  # a Python that keeps nothing
        yield Path(importlib.util.cache_from_source(__file__)).parent
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not caches.is_absolute():
        try:
            caches = Path.home() / ".cache"
        except RuntimeError:  # a user without a home
            return
    yield caches / "smartport"


def _target() -> llvm.TargetMachine:
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        codemodel="jitdefault",
        jit=True,
    )
