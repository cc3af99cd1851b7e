"""Speaks to the outside from C, which Python hears nothing of."""

import ctypes
import socket
import struct


def handler(event, context):
    system = ctypes.CDLL(None, use_errno=True)
    descriptor = system.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
    address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(53), socket.inet_aton("203.0.113.9"))
    system.sendto(descriptor, b"hello", 5, 0, address, len(address))
    return descriptor > 0
