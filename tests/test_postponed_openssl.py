"""The program imports OpenSSL when it is used, not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

START = """
from oscbridge.postponed_openssl import postpone_openssl
postpone_openssl()
import asyncio, sys
"""

THREADS = """
import threading
from concurrent.futures import ThreadPoolExecutor
ready = threading.Barrier(8)

def use(number):
    ready.wait()
    import hashlib, hmac, secrets, ssl
    from asyncio import sslproto
    assert hmac.new(b"", b"", hashlib.sha256).digest() and secrets.token_hex()
    return ssl.SSLWantReadError if number % 2 else sslproto.SSLAgainErrors[0]

with ThreadPoolExecutor(8) as pool:
    assert len(set(pool.map(use, range(8)))) == 1
"""


def run(code: str) -> None:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_asyncio_and_websockets_do_not_import_it() -> None:
    run(
        START + "import websockets.asyncio.server\n"
        "assert not {'_ssl', '_hashlib'} & set(sys.modules)"
    )


@pytest.mark.parametrize(
    "use",
    [
        "import ssl; assert ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).check_hostname",
        "from ssl import SSLContext; import _ssl; assert issubclass(SSLContext, _ssl._SSLContext)",
        "from ssl import *; assert SSLContext",
        "from asyncio import sslproto; assert sslproto.SSLProtocol",
        "import asyncio.sslproto, ssl; assert ssl.SSLWantReadError",
        THREADS,
    ],
)
def test_tls_is_complete_when_it_is_used(use: str) -> None:
    run(START + use + "\nimport ssl, types; assert type(ssl) is types.ModuleType")


@pytest.mark.parametrize(
    "use",
    [
        "import hashlib; assert hashlib.sha1(b'').digest_size == 20",
        "from hashlib import *; assert sha1(b'').digest_size == 20",
        "from hmac import compare_digest; assert compare_digest('a', 'a')",
        "import secrets; assert len(secrets.token_hex(4)) == 8",
        "from secrets import *; assert len(token_hex(4)) == 8",
        "import random; assert 0 <= random.SystemRandom().random() < 1",
    ],
)
def test_hashes_are_complete_when_they_are_used(use: str) -> None:
    run(START + use)


@pytest.mark.parametrize(
    "use",
    [
        "import ssl; ssl.SSLContext = 7; assert ssl.PROTOCOL_TLS_CLIENT and ssl.SSLContext == 7",
        "import ssl; del ssl.OP_ALL; assert ssl.OP_NO_TICKET and not hasattr(ssl, 'OP_ALL')",
        "import ssl; assert {'SSLContext', 'OP_ALL'} <= {*dir(ssl)}",
        "import ssl; assert vars(ssl)['SSLContext'] is ssl.SSLContext",
        "import hashlib; assert hashlib.__get_builtin_constructor('md5')",
        "import ssl; from importlib import reload; assert reload(ssl) is ssl\n"
        "found = ssl.SSLContext; assert not hasattr(ssl, 'unknown') and ssl.SSLContext is found",
        "import ssl; from unittest.mock import patch\n"
        "with patch('ssl.create_default_context') as f: assert ssl.create_default_context is f\n"
        "assert ssl.create_default_context().check_hostname",
    ],
)
def test_change_and_list_of_names_are_those_of_the_complete_module(use: str) -> None:
    run(START + use)


def test_python_without_openssl_says_so_at_the_import() -> None:
    run(
        "import sys; from importlib.machinery import PathFinder\n"
        "find, sys.modules['_ssl'] = PathFinder.find_spec, None\n"
        "PathFinder.find_spec = lambda name, *more: None if name == '_ssl' else find(name, *more)\n"
        "sys.builtin_module_names = tuple({*sys.builtin_module_names} - {'_ssl'})"
        + START
        + "assert asyncio.sslproto.ssl is None\n"
        "try: import ssl\n"
        "except ImportError: pass\n"
        "else: raise AssertionError"
    )


def test_unknown_name_is_an_error_as_in_any_module() -> None:
    run(
        START + "import ssl\n"
        "try: ssl.unknown\n"
        "except AttributeError as error: assert 'unknown' in str(error)\n"
        "else: raise AssertionError"
    )


def test_connection_over_tls() -> None:
    """Both ends of it."""
    run(
        START + "import ssl, subprocess, tempfile\n"
        "from pathlib import Path\n"
        "sys.path.append('tests/support')\n"
        "from certificates import make_certificate\n"
        "async def main():\n"
        "    with tempfile.TemporaryDirectory() as folder:\n"
        "        found = make_certificate(Path(folder), 'stage')\n"
        "        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
        "        context.load_cert_chain(found.certificate, found.key)\n"
        "        async def serve(reader, writer):\n"
        "            writer.write(await reader.readline()); writer.close()\n"
        "        server = await asyncio.start_server(serve, '127.0.0.1', 0, ssl=context)\n"
        "        port = server.sockets[0].getsockname()[1]\n"
        "        reader, writer = await asyncio.open_connection(\n"
        "            '127.0.0.1', port, ssl=found.trusted)\n"
        "        writer.write(b'hello\\n')\n"
        "        assert await reader.readline() == b'hello\\n'\n"
        "        writer.close()\n"
        "asyncio.run(main())"
    )


def test_it_stays_as_it_is_after_an_import() -> None:
    run("import ssl; " + START + "assert sys.modules['ssl'] is ssl and ssl.SSLContext")
