"""A listening socket that lets nobody new in, but loses nobody who is in its queue.

Who has connected before a listening socket is closed, and has not been accepted, is reset, perhaps after sending a
request. Here Linux throws away the packets that open a connection, as if they had been lost: the queue runs empty, and
who knocks tries again after a second, when the socket is closed and a proxy goes on to another instance.
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
    """Let nobody new in, through any process that has this socket. Does nothing where that cannot be had."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in _NO_NEW_CONNECTION))
    _set(fileno, _SO_ATTACH_FILTER, struct.pack("HP", len(_NO_NEW_CONNECTION), ctypes.addressof(program)))


def open_again(fileno: int) -> None:
    """Undo `shut`, whichever process did it."""
    _set(fileno, _SO_DETACH_FILTER, struct.pack("i", 0))


def _set(fileno: int, option: int, value: bytes) -> None:
    if sys.platform != "linux":
        return
    # The refusal is the usual case for `open_again`: there is no filter.
    with suppress(OSError), socket.socket(fileno=os.dup(fileno)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, option, value)
