"""The head of a request: found in any pieces, and checked before it is parsed."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from oscbridge.http.request_head import HeadBuffer, HeadError, RequestHead

HEAD = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


def take(data: bytes, max_size: int = 200) -> tuple[RequestHead, bytes] | None:
    buffer = HeadBuffer(max_size)
    buffer.add(data)
    return buffer.take()


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\n\n", b"\n\r\n"])
@pytest.mark.parametrize("rest", [b"", b"more\r\n\r\n"])
def test_head_ends_at_its_blank_line(end: bytes, rest: bytes) -> None:
    head = b"GET /a HTTP/1.1\r\nHost: a" + end
    found = take(head + rest)
    assert found is not None
    assert (found[0].data, found[1]) == (head, rest)


def test_head_is_found_byte_by_byte() -> None:
    buffer = HeadBuffer(200)
    for index in range(len(HEAD) - 1):
        buffer.add(HEAD[index : index + 1])
        assert buffer.take() is None
    buffer.add(HEAD[-1:])
    found = buffer.take()
    assert found is not None
    assert found[0].data == HEAD
    assert len(buffer) == 0


def test_second_head_is_found_after_the_first() -> None:
    buffer = HeadBuffer(200)
    for _ in range(2):
        buffer.add(HEAD)
        assert buffer.take() == (RequestHead(HEAD, 0), b"")


def test_one_blank_line_before_a_head_is_ignored() -> None:
    assert take(b"\r\n" + HEAD) == (RequestHead(HEAD, 0), b"")
    for blank in (b"\r\n\r\n", b"\n", b"\r\n \r\n"):
        with pytest.raises(HeadError):
            take(blank + HEAD)


@pytest.mark.parametrize("data", [b"\x16\x03\x01", b"/a\0\0", b"\0", b" GET", b"\xff"])
def test_data_that_cannot_become_a_head_is_rejected_at_its_first_byte(data: bytes) -> None:
    with pytest.raises(HeadError) as caught:
        take(data[:1])
    assert caught.value.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /a", 400),
        (b"GET  /a HTTP/1.1", 400),
        (b"GET /a b HTTP/1.1", 400),
        (b"GET /a\tHTTP/1.1", 400),
        (b"GET /a HTTP/1.1 ", 400),
        (b"GET /a http/1.1", 400),
        (b"GET /a HTTP/11", 400),
        (b"G(T /a HTTP/1.1", 400),
        (b"X" * 33 + b" /a HTTP/1.1", 400),
        (b"GET /\x7f HTTP/1.1", 400),
        (b"GET /a HTTP/0.9", 505),
        (b"GET /a HTTP/2.0", 505),
        (b"GET http://a/ HTTP/1.1", 404),
        (b"OPTIONS * HTTP/1.1", 404),
        (b"CONNECT a:80 HTTP/1.1", 404),
        (b"GET /" + b"a" * 200 + b" HTTP/1.1", 431),
    ],
)
def test_request_line_that_cannot_be_answered_has_a_status(line: bytes, status: int) -> None:
    with pytest.raises(HeadError) as caught:
        take(line + b"\r\nHost: a\r\n\r\n")
    assert caught.value.status == status


def test_target_without_a_path_is_that_of_the_root() -> None:
    found = take(b"GET ?a=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert found is not None
    assert found[0].data.startswith(b"GET /?a=1 HTTP/1.1\r\n")


@pytest.mark.parametrize("value", [b"", b"x", b"100-continue, x", b"100-\xff"])
def test_unknown_expectation_fails(value: bytes) -> None:
    known = take(HEAD[:-2] + b"Expect: 100-Continue\r\n\r\n")
    assert known is not None
    with pytest.raises(HeadError) as caught:
        take(HEAD[:-2] + b"expect:" + value + b"\r\n\r\n")
    assert caught.value.status == HTTPStatus.EXPECTATION_FAILED


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT", b"get", b"PROPFIND", b"X-Y"])
def test_method_that_no_front_has_is_passed_on_as_trace(method: bytes) -> None:
    found = take(method + HEAD[3:])
    assert found is not None
    assert found[0].data == b"TRACE" + HEAD[3:]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"", 0),
        (b"Content-Length: 0\r\n", 0),
        (b"Content-Length: 12\r\n", 12),
        (b"content-LENGTH:\t12 \r\n", 12),
        (b"X-Content-Length: 12\r\n", 0),
        (b"Content-Length: 12\r\nContent-Length: 12\r\n", None),
        (b"Content-Length: 12\r\nTransfer-Encoding: chunked\r\n", None),
        (b"Transfer-Encoding: chunked\r\n", None),
        (b"Transfer-Encoding : chunked\r\n", None),
        (b"X: a\nContent-Length: 12\r\n", 12),
        (b"Content-Length: +12\r\n", None),
        (b"Content-Length: 1 2\r\n", None),
        (b"Content-Length: " + b"9" * 16 + b"\r\n", None),
    ],
)
def test_length_of_the_body_is_known_if_it_is_unambiguous(headers: bytes, body: int | None) -> None:
    found = take(HEAD[:-2] + headers + b"\r\n")
    assert found is not None
    assert found[0].body == body
