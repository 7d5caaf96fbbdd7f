"""As much of YAML as the platforms' files need: tables and lists by indentation, and plain or quoted text. What it does not
understand (anchors, blocks of text, tables in one line) becomes text or is passed over: these files are evidence only."""

import re

MAX_DEPTH = 64
KEY = re.compile(r"""("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#:'"&*!|>{\[-][^:#]*|-[^\s:][^:]*)\s*:(?:\s+(.*))?""")
ITEM = re.compile(r"-(\s|$)")


def read_yaml(text):
    """The file as dictionaries, lists and strings."""
    lines = []
    for raw in text.splitlines():
        content = re.sub(r"(^|\s)#.*$", "", raw.replace("\t", "  ")).rstrip()
        if content.strip() and not content.startswith(("---", "...")):
            lines.append((len(content) - len(content.lstrip()), content.strip()))
    value = _Reader(lines).block(lines[0][0], 0) if lines else {}
    return value if isinstance(value, dict) else {}


class _Reader:
    def __init__(self, lines):
        self._lines = lines
        self._at = 0

    def _line(self):
        return self._lines[self._at] if self._at < len(self._lines) else (-1, "")

    def block(self, indent, depth):
        if depth > MAX_DEPTH:
            return self._skip(indent)
        return self._list(indent, depth) if ITEM.match(self._line()[1]) else self._table(indent, depth)

    def _list(self, indent, depth):
        items = []
        while self._line()[0] == indent and ITEM.match(self._line()[1]):
            content = self._line()[1]
            rest = content[1:].lstrip()
            if not rest:
                self._at += 1
                items.append(self._value(indent, "", depth))
            elif KEY.fullmatch(rest):
                # A table that begins in the same line: as if its first line stood where its key stands.
                inner = indent + len(content) - len(rest)
                self._lines[self._at] = (inner, rest)
                items.append(self._table(inner, depth + 1))
            else:
                self._at += 1
                items.append(_scalar(rest))
        return items

    def _table(self, indent, depth):
        table = {}
        while self._line()[0] >= indent:
            at, content = self._line()
            if at == indent and ITEM.match(content):
                break
            found = KEY.fullmatch(content) if at == indent else None
            self._at += 1
            if found:
                table[_scalar(found[1].strip())] = self._value(indent, found[2] or "", depth)
        return table

    def _value(self, indent, inline, depth):
        """What follows a key: text in its line, or what is indented below it; a list may stand as far left as its key."""
        below, content = self._line()
        if re.fullmatch(r"[|>][+-]?\d*", inline):
            return self._skip(indent + 1)
        if inline and not re.fullmatch(r"[!&]\S*", inline):
            return _scalar(inline)
        return self.block(below, depth + 1) if below > indent or (below == indent and ITEM.match(content)) else ""

    def _skip(self, indent):
        while self._line()[0] >= indent:
            self._at += 1
        return ""


def _scalar(text):
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text[1:-1].replace("''", "'") if len(text) > 1 and text[0] == text[-1] == "'" else text
