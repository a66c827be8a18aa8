"""What a worker does that is killed while it hands over a result."""

import os
import struct
import sys
from typing import Any


def hand_over_half(*_: object) -> None:
    """Write the length of a result and its first bytes into the pipe of the process pool, and die."""
    frame: Any = sys._getframe()
    while "result_queue" not in frame.f_locals:
        frame = frame.f_back
    os.write(frame.f_locals["result_queue"]._writer.fileno(), struct.pack("!i", 1_000_000) + b"half")
    os._exit(1)
