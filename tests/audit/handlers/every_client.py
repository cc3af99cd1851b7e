"""Speaks to the outside in all the ways that Python itself has, whatever comes of it."""

import asyncio
import contextlib
import http.client
import smtplib
import socket
import urllib.request

import aiohttp
import boto3
import httpx
import requests


async def asynchronous():
    async with aiohttp.ClientSession() as session, session.get("https://198.51.100.7/aiohttp"):
        pass
    async with httpx.AsyncClient() as client:
        await client.get("https://httpx.example.com/")


def raw():
    with socket.create_connection(("203.0.113.9", 9999), timeout=2) as connection:
        connection.sendall(b"not HTTP\n")


def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"hello", ("203.0.113.9", 53))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("203.0.113.9", 53))
        sock.send(b"hello")


def c_type():
    import _socket

    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    sock.settimeout(1)
    sock.connect(("203.0.113.9", 80))


def datagram_of_c_type():
    import _socket

    _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM).sendto(b"hello", ("203.0.113.9", 53))


def handler(event, context):
    ways = [
        lambda: boto3.client("s3").list_buckets(),
        lambda: urllib.request.urlopen("https://urllib.example.com/", timeout=2).read(),
        lambda: http.client.HTTPConnection("192.0.2.8", 8080, timeout=2).request("GET", "/"),
        lambda: requests.get("http://requests.example.com/", timeout=2),
        lambda: httpx.get("https://203.0.113.4/httpx"),
        lambda: asyncio.run(asynchronous()),
        lambda: socket.getaddrinfo("lookup.example.com", 443),
        lambda: socket.gethostbyname("old.example.com"),
        lambda: smtplib.SMTP("mail.example.com", 25, timeout=2),
        lambda: socket.create_connection(("2001:db8::1", 443), timeout=2),
        raw,
        datagram,
        c_type,
        datagram_of_c_type,
    ]
    for way in ways:
        with contextlib.suppress(OSError, aiohttp.ClientError, httpx.HTTPError):
            way()
    return len(ways)
