-- The log: every fact, in the order of commits. Times are microseconds since 1970, ids are UUIDs as text.
-- `following` says how many events of the same append come after this one.
CREATE TABLE log (
  position INTEGER PRIMARY KEY,
  stream TEXT NOT NULL,
  version INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  data BLOB NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT,
  causation TEXT,
  correlation TEXT,
  namespace TEXT NOT NULL,
  following INTEGER NOT NULL,
  hash BLOB NOT NULL,
  UNIQUE (stream, version)
) STRICT;
