"""What handlers may return, by path, and what they may not."""

import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import pathlib
import types
import uuid


class CannotBeShown(Exception):
    def __str__(self):
        raise RuntimeError("no")


EXCEPTIONS = {
    "SystemExit": SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "GeneratorExit": GeneratorExit(),
    "CancelledError": asyncio.CancelledError(),
    "BaseException": BaseException("of its own kind"),
    "BrokenPipeError": BrokenPipeError("not the caller's"),
}


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: object


@dataclasses.dataclass
class Answer:
    statusCode: int
    body: str


Pair = collections.namedtuple("Pair", "left right")


def numbered():
    yield {"n": 1}
    yield {"n": 2}


async def words():
    yield "first "
    yield "second "


def broken():
    raise RuntimeError("no first part")
    yield


async def later():
    return 1


def not_awaited():
    coroutine = later()
    coroutine.close()
    return {"later": coroutine}


circular = {"items": []}
circular["items"].append({"again": circular})

deep = []
for _ in range(20_000):
    deep = [deep]

RESULTS = {
    "/result/bytes": lambda: bytes([0, 255, 254]),
    "/result/array-buffer": lambda: memoryview(bytearray([0, 255, 254])),
    "/result/bytes-inside": lambda: {"of": bytes([0, 255]), "numbers": [1, 0.5]},
    "/result/date": lambda: {"at": datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc), "day": datetime.date(1970, 1, 1)},
    "/result/set": lambda: {2, 1},
    "/result/table": lambda: types.MappingProxyType({"a": collections.OrderedDict({2: True})}),
    "/result/class": lambda: Point(1, Point(2, 3)),
    "/result/scalars": lambda: [
        decimal.Decimal("1.10"),
        uuid.UUID(int=1),
        Color.RED,
        pathlib.PurePosixPath("/a/b"),
        Pair(1, 2),
        collections.deque([1]),
        {Color.RED: {datetime.date(1970, 1, 1): 1}},
        10**30,
    ],
    "/result/surrogate": lambda: "\ud800",
    "/result/generator": numbered,
    "/result/async-generator": words,
    "/result/no-parts": lambda: iter([]),
    "/result/bytes-generator": lambda: iter([b"\x00", b"\xff"]),
    "/result/broken-generator": broken,
    "/body/set": lambda: {"statusCode": 200, "body": {1}},
    "/result/nan": lambda: {"a": [1, float("nan")]},
    "/result/infinity": lambda: {"statusCode": 200, "body": {"a b": float("-inf")}},
    "/result/decimal-nan": lambda: [decimal.Decimal("NaN")],
    "/result/unknown": lambda: object(),
    "/result/shell": lambda: {"inner": datetime.timedelta(1)},
    "/result/circular": lambda: circular,
    "/result/deep": lambda: deep,
    "/result/not-awaited": not_awaited,
    "/result/generator-inside": lambda: {"items": numbered()},
    "/result/odd-key": lambda: {(1, 2): 1},
    "/result/answer": lambda: Answer(202, "of a class"),
    "/aws/base64": lambda: {"statusCode": 200, "isBase64Encoded": True, "headers": {"content-type": "image/png"}, "body": "AP/+"},
    "/aws/not-base64": lambda: {"statusCode": 200, "isBase64Encoded": True, "body": "no base64!"},
    "/aws/multi-value-headers": lambda: {
        "statusCode": 200,
        "headers": {"X-One": "a", "X-Two": "b"},
        "multiValueHeaders": {"X-One": ["a", "c"], "Set-Cookie": ["a=1", "b=2"]},
        "body": "",
    },
    "/aws/cookies": lambda: {"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "body": ""},
    "/header/list": lambda: {
        "statusCode": 200,
        "headers": {"set-cookie": ["a=1", "b=2"], "x-number": 7, "x-none": None, "Content-Length": "1"},
        "body": "whole",
    },
    "/header/unicode": lambda: {"statusCode": 200, "headers": {"x-title": "and so on …"}},
    "/header/line-break": lambda: {"statusCode": 200, "headers": {"x-title": "a\r\nset-cookie: admin=1"}},
    "/header/control": lambda: {"statusCode": 200, "headers": {"x-title": "a\0b"}},
    "/header/name": lambda: {"statusCode": 200, "headers": {"x title": "a"}},
    "/header/object": lambda: {"statusCode": 200, "headers": {"x-title": {}}},
}
