"""What the body of a request means: decompressed, decoded by its charset, parsed as its type says."""

import base64
import codecs
import importlib
import json
import re
import zlib

# A compressed body may become as large as any body may be by default, and no larger: many may come at once.
MAX_DECODED_BYTES = 6 * 1024 * 1024

TEXT_TYPES = (
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/javascript",
    "application/yaml",
    "application/x-yaml",
    "application/graphql",
)
# ASCII is a part of UTF-8, and what is said to be the one is often the other.
UTF_8 = ("", "utf8", "ascii", "us-ascii")
# Python calls these charsets, too; nobody sends text in them, and some take long to decode.
NO_CHARSETS = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7")
BOM = "\ufeff"
CHARSET = re.compile(r';\s*charset\s*=\s*(?:"([^"]*)"|([^\s;]*))', re.IGNORECASE)
# zlib's own numbers: a gzip header, a zlib header, and neither.
_GZIP, _ZLIB, _RAW = 31, 15, -15


class BadRequest(Exception):
    """A request that the caller got wrong, with the status to answer."""

    def __init__(self, message, status=400, code="bad_request"):
        super().__init__(message)
        self.status = status
        self.code = code


def is_compressed(coding):
    """Whether the body is to be decompressed before it is read."""
    return bool(coding) and coding.strip().lower() != "identity"


def decompress(body, coding):
    """Undoes one coding, once. None when the coding is none that is known here: such a body is handed on as it is."""
    name = coding.strip().lower()
    if name in ("gzip", "x-gzip"):
        window = _GZIP
    elif name == "deflate":
        # Some senders leave out the header that belongs to it: the first byte shows which it is.
        window = _ZLIB if body[0] & 0x0F == 8 else _RAW
    elif name in ("br", "zstd"):
        return _by_module(body, name)
    else:
        return None
    parts, left = [], MAX_DECODED_BYTES + 1
    try:
        # A gzip body may have several members.
        while body:
            decoder = zlib.decompressobj(window)
            part = decoder.decompress(body, left)
            parts.append(part)
            left -= len(part)
            if left <= 0:
                raise _too_large()
            if not decoder.eof:
                raise zlib.error("it ends too early")
            body = decoder.unused_data if window == _GZIP else b""
    except zlib.error as error:
        raise BadRequest(f"the body is not valid {name}: {error}") from None
    return b"".join(parts)


def _too_large():
    return BadRequest(f"the body has more than {MAX_DECODED_BYTES} bytes when it is decompressed", 413, "too_large")


def _by_module(body, name):
    """Undoes a coding for which Python, or the function, must bring a module. None when there is none."""
    for module, decoder in _DECODERS[name]:
        try:
            found = importlib.import_module(module)
        except ImportError:
            continue
        try:
            plain = decoder(found, body)
        except Exception as error:
            # Each module has errors of its own.
            raise BadRequest(f"the body is not valid {name}: {error}") from None
        if plain is not None:
            if len(plain) > MAX_DECODED_BYTES:
                raise _too_large()
            return plain
    return None


# Each of these makes little more than what may be: a body of a few bytes may stand for gigabytes.


def _brotli(module, body):
    decoder = module.Decompressor()
    parts, size = [], 0
    while not decoder.is_finished() and size <= MAX_DECODED_BYTES:
        try:
            part = decoder.process(body, output_buffer_limit=_PART)
        except TypeError:
            # Versions before 1.2 have no such limit.
            return None
        if not part and not body and decoder.can_accept_more_data():
            raise ValueError("it ends too early")
        parts.append(part)
        size += len(part)
        body = b""
    return b"".join(parts)


def _zstandard(module, body):
    # RFC 9659: what is sent over HTTP has windows of 8 MiB at most.
    decoder = module.ZstdDecompressor(max_window_size=1 << _ZSTD_WINDOW_LOG)
    parts, left = [], MAX_DECODED_BYTES + 1
    with decoder.stream_reader(body, read_across_frames=True) as reader:
        while left > 0:
            part = reader.read(min(left, _PART))
            if not part:
                break
            parts.append(part)
            left -= len(part)
    plain = b"".join(parts)
    # The reader takes a frame that ends too early for the end of the body.
    if left > 0 and not _is_whole_zstd(module, body):
        raise ValueError("it ends too early")
    return plain


def _is_whole_zstd(module, body):
    while body:
        decoder = module.ZstdDecompressor(max_window_size=1 << _ZSTD_WINDOW_LOG).decompressobj()
        decoder.decompress(body)
        if not decoder.eof:
            return False
        body = decoder.unused_data
    return True


def _zstd(module, body):
    options = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    parts, left = [], MAX_DECODED_BYTES + 1
    while body and left > 0:
        decoder = module.ZstdDecompressor(options=options)
        part = decoder.decompress(body, left)
        parts.append(part)
        left -= len(part)
        if left > 0 and not decoder.eof:
            raise ValueError("it ends too early")
        body = decoder.unused_data if decoder.eof else b""
    return b"".join(parts)


_PART = 1 << 20
_ZSTD_WINDOW_LOG = 23
_DECODERS = {
    "br": [("brotli", _brotli), ("brotlicffi", _brotli)],
    "zstd": [("compression.zstd", _zstd), ("backports.zstd", _zstd), ("zstandard", _zstandard)],
}


def charset_of(body, content_type):
    """The charset of a body: what its type says, else what its byte order mark says, else UTF-8."""
    match = CHARSET.search(content_type or "")
    named = (match[1] if match[1] is not None else match[2]).lower() if match else ""
    if named in ("", "utf-16"):
        if body[:2] == codecs.BOM_UTF16_BE:
            return "utf-16-be"
        if named or body[:2] == codecs.BOM_UTF16_LE:
            return "utf-16-le"
    return "utf-8" if named in UTF_8 else named


def decode(body, charset, errors="replace"):
    """The text of bytes, without a byte order mark; None when the charset is not known."""
    try:
        if codecs.lookup(charset).name in NO_CHARSETS:
            return None
        text = body.decode(charset, errors)
    except (LookupError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError) and errors == "strict":
            raise
        return None
    return text.removeprefix(BOM)


def parse_text(text, what):
    """Parses JSON, and only JSON: Python's own reader takes NaN as well."""

    def constant(name):
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, parse_constant=constant)
    except RecursionError:
        raise BadRequest(f"{what} is nested too deep") from None
    except ValueError as error:
        raise BadRequest(f"{what} is not valid JSON: {error}") from None


def parse_event(body):
    """Parses an event. It is UTF-8 whatever its type says: the platform has looked at it as such, and must not have seen
    another event than the handler does."""
    return parse_json(body, "application/json; charset=utf-8", "the CloudEvent")


def parse_json(body, content_type, what):
    """Parses JSON of a caller's. It is UTF-8 unless its type says otherwise; a byte order mark is no part of it."""
    charset = charset_of(body, content_type)
    try:
        text = decode(body, charset, "strict")
    except UnicodeDecodeError:
        raise BadRequest(f"{what} is not valid {charset.upper()}") from None
    if text is None:
        raise BadRequest(f"the charset {charset!r} of {what} is not known")
    return parse_text(text, what)


def set_data(event, content_type, body):
    """Puts a body that is not compressed any more into the event, as its type says: `data`, or `data_base64` for bytes."""
    kind = (content_type or "").split(";")[0].strip().lower()
    if not body:
        event["data"] = None
    elif kind in ("application/json", "text/json") or kind.endswith("+json"):
        event["data"] = parse_json(body, content_type, "the body")
    else:
        if kind.startswith("text/") or kind in TEXT_TYPES or kind.endswith("+xml"):
            text = decode(body, charset_of(body, content_type))
        else:
            text = _utf8(body) if not kind else None
        if text is None:
            set_bytes(event, body)
        else:
            event["data"] = text


def set_bytes(event, body):
    """Hands bytes on as they are."""
    event.pop("data", None)
    event["data_base64"] = base64.b64encode(body).decode()


def put_data(event, content_type, coding, body):
    """Puts the body into the event: decompressed where that is possible, else as it is."""
    if body and is_compressed(coding):
        plain = decompress(body, coding)
        if plain is None:
            set_bytes(event, body)
            return
        body = plain
    set_data(event, content_type, body)


def _utf8(body):
    try:
        return body.decode().removeprefix(BOM)
    except UnicodeDecodeError:
        return None
