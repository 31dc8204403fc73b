"""The sandbox that the suite runs against, as the line that it prints describes it (in SANDBOX)."""

import asyncio
import base64
import functools
import hashlib
import hmac
import json
import logging
import os
import ssl
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid

import ably.transport.websockettransport as transport
from ably import AblyRealtime, AblyRest

SANDBOX = json.loads(os.environ["SANDBOX"])
FULL, _, CHANNELS, _, REVOCABLE = SANDBOX["keys"][:5]
URL = SANDBOX["secureUrl"]
PORT, TLS_PORT = (urllib.parse.urlsplit(SANDBOX[url]).port for url in ("url", "secureUrl"))

# What goes wrong is looked at here, so the SDK need not tell; nor that it writes to sockets which the service closed.
for logger in ("ably", "asyncio"):
    logging.getLogger(logger).setLevel(logging.CRITICAL + 1)

# The SDK (3.1.4) opens WebSockets at the scheme's own port, whatever `tls_port` says.
transport.ws_connect = functools.partial(transport.ws_connect, port=TLS_PORT)


def name_of(key):
    return key.split(":")[0]


def secret_of(key):
    return key.split(":", 1)[1]


def options(**given):
    """Options of a client of the sandbox: what it takes to find it, and nothing else."""
    return {"endpoint": "127.0.0.1", "port": PORT, "tls_port": TLS_PORT, **given}


def someone():
    """A client id that nobody else has."""
    return f"someone-{uuid.uuid4()}"


def auth_url(answer):
    """The URL of the sandbox's auth server, which answers as it is told to."""
    return f"{URL}/auth-url/{answer}"


def jwt(key, lives=3600, secret=None, claims=None):
    """A JWT as a server of one's own makes it; `lives` in seconds."""
    now = int(time.time())

    def encode(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    parts = [{"alg": "HS256", "typ": "JWT", "kid": name_of(key)}, {"iat": now, "exp": now + lives, **(claims or {})}]
    signed = b".".join(encode(json.dumps(part).encode()) for part in parts)
    mac = hmac.new((secret or secret_of(key)).encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + encode(mac)).decode()


def signed_by_us(key, *args):
    """A TokenRequest signed by `ably-auth sign`."""
    signed = subprocess.run([os.environ["ABLY_AUTH"], "sign", *args], env={"ABLY_API_KEY": key}, stdout=subprocess.PIPE, check=True)
    return json.loads(signed.stdout)


def bare(path, method="GET", headers=None, body=None):
    """Status and Ably code that the service answers a bare request with."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(URL + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context()) as response:
            return response.status, None
    except urllib.error.HTTPError as response:
        return response.status, json.load(response)["error"]["code"]


def code_of(token):
    """The Ably code that the service answers a token with."""
    return bare("/channels/a", headers={"Authorization": f"Bearer {token}"})[1]


class Case(unittest.IsolatedAsyncioTestCase):
    """Clients that are closed at the end of the test."""

    def rest(self, **given):
        client = AblyRest(**options(**given))
        self.addAsyncCleanup(client.close)
        return client

    def realtime(self, **given):
        client = AblyRealtime(**options(**given))
        self.addAsyncCleanup(client.close)
        return client

    async def fails_with(self, code, status_code, operation):
        with self.assertRaises(Exception) as failure:
            await operation
        error = failure.exception
        self.assertEqual((getattr(error, "code", error), getattr(error, "status_code", None)), (code, status_code))

    @staticmethod
    async def next(emitter, event):
        """The state change, the next of that event."""
        return await asyncio.wait_for(emitter.once_async(event), 10)
