"""What a handler returned, as an HTTP answer. README.md has the table of what becomes what."""

import base64
import binascii
import collections.abc
import io

import eventflow_json
from eventflow_json import BadResult, type_name

BYTES = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
LINES_OF_JSON = "application/x-ndjson"
# How the answer is framed is decided here.
FRAMING = ("content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "trailer")

_BYTES_LIKE = (bytes, bytearray, memoryview)


def answer(response, result, iterate):
    """Answers with what the handler returned. `iterate` makes an ordinary generator of an async one."""
    member = result.get if isinstance(result, collections.abc.Mapping) else lambda name: getattr(result, name, None)
    status = member("statusCode")
    if isinstance(status, int) and not isinstance(status, bool):
        headers, body = _headers_of(member, status), member("body")
        if member("isBase64Encoded") is True:
            body = _from_base64(body)
    else:
        status, headers, body = 200, [], result
        if not isinstance(body, _BYTES_LIKE) and not is_stream(body):
            _send(response, 200, headers, eventflow_json.dumps(body), JSON)
            return
    if is_stream(body):
        _stream(response, status, headers, iterate(body) if hasattr(body, "__aiter__") else iter(body))
    elif body is None:
        _send(response, status, headers, b"", None)
    elif isinstance(body, str):
        _send(response, status, headers, _text(body), TEXT)
    elif isinstance(body, _BYTES_LIKE):
        _send(response, status, headers, bytes(body), BYTES)
    elif _is_other_iterable(body):
        _stream(response, status, headers, iter(body))
    else:
        _send(response, status, headers, eventflow_json.dumps(body, "body"), JSON)


def is_stream(value):
    """Whether it gives its parts one after the other: a generator, another iterator, an open file."""
    return hasattr(value, "__aiter__") or hasattr(type(value), "__next__") or isinstance(value, io.IOBase)


def _is_other_iterable(body):
    """An object that is made to be iterated, and for which JSON has no form."""
    if not hasattr(type(body), "__iter__"):
        return False
    known = (collections.abc.Mapping, collections.abc.Set, collections.abc.Sequence, collections.abc.ValuesView)
    if isinstance(body, known) or hasattr(body, "model_dump") or hasattr(body, "__fields__"):
        return False
    return type(body).__module__.partition(".")[0] != "numpy"


def _headers_of(member, status):
    if not 200 <= status <= 599:
        raise BadResult(f"the handler returned statusCode {status}, and must return one from 200 to 599")
    headers = list(_named(member("headers"), "headers"))
    for header in _named(member("multiValueHeaders"), "multiValueHeaders"):
        # What both say is said once.
        if header not in headers:
            headers.append(header)
    cookies = member("cookies")
    if cookies is not None:
        if not isinstance(cookies, (list, tuple)):
            raise BadResult(f"cookies is of the type {type_name(cookies)}: it must be a list of strings")
        headers += _named({"set-cookie": cookies}, "cookies")
    return headers


def _named(headers, what):
    """Headers as pairs; says what is wrong with one, because a caller would get something else."""
    if headers is None:
        return
    if not isinstance(headers, collections.abc.Mapping):
        raise BadResult(f"{what} is of the type {type_name(headers)}: it must be a dictionary")
    for name, value in headers.items():
        if not isinstance(name, str):
            raise BadResult(f"{name!r} cannot be the name of a header")
        if value is None or name.lower() in FRAMING:
            continue
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if not isinstance(one, (str, int, float)):
                raise BadResult(f'the header "{name}" is of the type {type_name(one)}: it must be text, or a list of texts')
            text = str(one).lower() if isinstance(one, bool) else str(one)
            yield name.lower(), text


def _text(body):
    try:
        return body.encode()
    except UnicodeEncodeError:
        raise BadResult("the body has half a surrogate pair in it, which cannot be written as UTF-8") from None


def _from_base64(body):
    if not isinstance(body, (str, *_BYTES_LIKE)):
        raise BadResult(f"isBase64Encoded is true and the body is of the type {type_name(body)}: it must be a string")
    text = body.encode("ascii", "replace") if isinstance(body, str) else bytes(body)
    text = text.translate(None, b"\r\n").translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise BadResult("isBase64Encoded is true and the body is not valid base64") from None


def _send(response, status, headers, data, kind):
    response.start(status, _with_type(headers, kind), len(data))
    response.write(data)
    response.finish()


def _with_type(headers, kind):
    return headers if kind is None or _has_type(headers) else [*headers, ("content-type", kind)]


def _has_type(headers):
    return any(name == "content-type" for name, _ in headers)


def _stream(response, status, headers, parts):
    """Writes each part as it comes; the generator is closed when the caller is gone."""
    try:
        first = []
        if not _has_type(headers):
            # What has no type is what its first part is: it is waited for. An error before it is still an answer.
            first = [part for part in [next(parts, None)] if part is not None]
            headers = _with_type(headers, _type_of(first))
        response.start(status, headers)
        response.send_head()
        if not response.has_body:
            return
        for rest in (first, parts):
            for part in rest:
                if data := _bytes_of(part):
                    response.write(data)
        response.finish()
    finally:
        if hasattr(parts, "close"):
            parts.close()


def _type_of(first):
    if not first or isinstance(first[0], _BYTES_LIKE):
        return BYTES
    return TEXT if isinstance(first[0], str) else LINES_OF_JSON


def _bytes_of(part):
    """Text and bytes as they are; anything else is a line of JSON."""
    if isinstance(part, str):
        return _text(part)
    return bytes(part) if isinstance(part, _BYTES_LIKE) else eventflow_json.dumps(part, "part") + b"\n"
