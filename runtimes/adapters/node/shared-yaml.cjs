'use strict';
// As much of YAML as the platforms' files need: tables and lists by indentation, and plain or quoted text. What it does not
// understand (anchors, blocks of text, tables in one line) becomes text or is passed over: these files are evidence only.

const MAX_DEPTH = 64;
const KEY = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#:'"&*!|>{[-][^:#]*|-[^\s:][^:]*)\s*:(?:\s+(.*))?$/;

/** The file as objects, lists and strings. */
function readYaml(text) {
  const lines = [];
  for (const raw of text.split(/\r?\n/)) {
    const content = withoutComment(raw.replace(/\t/g, '  ')).trimEnd();
    const indent = content.length - content.trimStart().length;
    if (content.trim() !== '' && !/^(---|\.\.\.)/.test(content)) lines.push({ indent, content: content.trim() });
  }
  const reader = { lines, at: 0 };
  const value = lines.length === 0 ? {} : readBlock(reader, lines[0].indent, 0);
  return typeof value === 'object' ? value : {};
}

function withoutComment(line) {
  return line.replace(/(^|\s)#.*$/, '');
}

function readBlock(reader, indent, depth) {
  const first = reader.lines[reader.at];
  if (depth > MAX_DEPTH) return skip(reader, indent);
  if (first.content === '-' || first.content.startsWith('- ')) return readList(reader, indent, depth);
  return readTable(reader, indent, depth);
}

function readList(reader, indent, depth) {
  const items = [];
  for (let line = reader.lines[reader.at]; line?.indent === indent && /^-(\s|$)/.test(line.content); line = reader.lines[reader.at]) {
    const rest = line.content.slice(1).trimStart();
    if (rest === '') {
      reader.at += 1;
      items.push(readValue(reader, indent, '', depth));
    } else if (KEY.test(rest)) {
      // A table that begins in the same line: as if its first line stood where its key stands.
      const inner = indent + line.content.length - rest.length;
      reader.lines[reader.at] = { indent: inner, content: rest };
      items.push(readTable(reader, inner, depth + 1));
    } else {
      reader.at += 1;
      items.push(scalar(rest));
    }
  }
  return items;
}

function readTable(reader, indent, depth) {
  const table = Object.create(null);
  for (let line = reader.lines[reader.at]; line !== undefined && line.indent >= indent; line = reader.lines[reader.at]) {
    const found = line.indent === indent ? KEY.exec(line.content) : null;
    if (line.indent === indent && /^-(\s|$)/.test(line.content)) break;
    reader.at += 1;
    if (found !== null) table[scalar(found[1].trim())] = readValue(reader, indent, found[2] ?? '', depth);
  }
  return table;
}

/** What follows a key: text in its line, or what is indented below it; a list may stand as far left as its key. */
function readValue(reader, indent, inline, depth) {
  const next = reader.lines[reader.at];
  const isBelow = next !== undefined && (next.indent > indent || (next.indent === indent && /^-(\s|$)/.test(next.content)));
  if (/^[|>][+-]?\d*$/.test(inline)) return skip(reader, indent + 1);
  if (inline !== '' && !/^[!&]\S*$/.test(inline)) return scalar(inline);
  return isBelow ? readBlock(reader, next.indent, depth + 1) : '';
}

function skip(reader, indent) {
  while (reader.lines[reader.at]?.indent >= indent) reader.at += 1;
  return '';
}

function scalar(text) {
  if (/^".*"$/.test(text)) return text.slice(1, -1).replace(/\\(.)/g, '$1');
  return /^'.*'$/.test(text) ? text.slice(1, -1).replace(/''/g, "'") : text;
}

module.exports = { readYaml };
