-- The log: every fact, in the order of commits. Times are microseconds since 1970, ids are UUIDs as text.
-- `following` says how many events of the same append come after this one.
CREATE TABLE log (
  position BIGINT PRIMARY KEY,
  stream TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  data BYTEA NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT COLLATE "C",
  causation TEXT COLLATE "C",
  correlation TEXT COLLATE "C",
  namespace TEXT COLLATE "C" NOT NULL,
  following BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  UNIQUE (stream, version)
);
