"""Stops new connections to a listening socket without losing those in its queue.

Closing a listening socket resets the connections that have not been accepted, perhaps after they sent a request. Here
Linux drops the packets that open a connection, as if they had been lost: the queue is emptied, and new clients retry
after a second, when the socket is closed and a proxy turns to another instance.
"""

import ctypes
import os
import socket
import struct
import sys
from contextlib import suppress

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27

# A classic BPF program, which sees a packet from its TCP header on; byte 13 has the flags, 2 is SYN and 16 is ACK.
_NO_NEW_CONNECTION = (
    (0x30, 0, 0, 13),  # load byte 13
    (0x54, 0, 0, 0x12),  # of it, SYN and ACK
    (0x15, 0, 1, 0x02),  # if only SYN is set,
    (0x06, 0, 0, 0),  # drop the packet,
    (0x06, 0, 0, 0xFFFFFFFF),  # else let it pass
)


def shut(fileno: int) -> None:
    """Drop new connections, in every process that has this socket. Does nothing where that is not supported."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in _NO_NEW_CONNECTION))
    _set(fileno, _SO_ATTACH_FILTER, struct.pack("HP", len(_NO_NEW_CONNECTION), ctypes.addressof(program)))


def open_again(fileno: int) -> None:
    """Undo `shut`, whichever process did it."""
    _set(fileno, _SO_DETACH_FILTER, struct.pack("i", 0))


def _set(fileno: int, option: int, value: bytes) -> None:
    if sys.platform != "linux":
        return
    # An error is the usual case for `open_again`: there is no filter.
    with suppress(OSError), socket.socket(fileno=os.dup(fileno)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, option, value)
