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
from collections.abc import Iterator
from contextlib import suppress
from ctypes import CFUNCTYPE, c_int64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm

if TYPE_CHECKING:
    from numba.core.ccallback import CFunc

ENTRY = "entry"
"""The name of the function in the machine code."""

_log = logging.getLogger(__name__)
_signature = CFUNCTYPE(None, c_int64, c_void_p, c_void_p)

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()


@dataclass(frozen=True, slots=True)
class MachineCode:
    """A compiled function."""

    content: bytes
    """An object file in the system's format."""
    needs: tuple[str, ...]
    """Functions and variables that it expects to find, other than what a C compiler takes for granted."""


class Loaded:
    """A compiled function in memory, for as long as this object lives."""

    def __init__(self, code: bytes) -> None:
        self._engine: Any = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self._function = _signature(self._engine.get_function_address(ENTRY))

    def __call__(self, number: int, one: int, other: int) -> None:
        """Call it with a number and two addresses."""
        self._function(number, one, other)


def emitted(function: CFunc) -> MachineCode:
    """Turn what Numba compiled into machine code for this processor."""
    module, target = llvm.parse_assembly(function.inspect_llvm()), _target()
    for value in (*module.functions, *module.global_variables):
        if value.name == function.native_name:
            value.name = ENTRY
        elif not value.is_declaration:
            value.linkage = "internal"  # what nobody else sees is dropped where it is not used
    passes = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    declared = (value.name for value in (*module.functions, *module.global_variables) if value.is_declaration)
    return MachineCode(target.emit_object(module), tuple(name for name in declared if not name.startswith("llvm.")))


def key(*parts: bytes) -> str:
    """What tells machine code apart: the parts that it is made of, this processor, and the versions of the compiler."""
    machine = [llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    versions = [sys.version, *(f"{name} {importlib.metadata.version(name)}" for name in ("numba", "llvmlite"))]
    digest = hashlib.sha256()
    for part in (*parts, *(text.encode() for text in machine + versions)):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:32]


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
        temporary = folder / f"{name}.{os.getpid()}.tmp"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(hashlib.sha256(code).digest() + code)
            temporary.replace(folder / f"{name}.o")
        except OSError:
            with suppress(OSError):
                temporary.unlink()
        else:
            return
    folders = " or ".join(str(folder) for folder in _folders())
    _log.warning("The compiled engine cannot be kept in %s: every command compiles it anew.", folders)


def _folders() -> Iterator[Path]:
    """Beside the program, where Python keeps its own; with the user, where the program may not be written."""
    yield Path(importlib.util.cache_from_source(__file__)).parent
    try:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # a user without a home
        return
    yield Path(caches) / "smartport"


def _target() -> llvm.TargetMachine:
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        codemodel="jitdefault",
        jit=True,
    )
