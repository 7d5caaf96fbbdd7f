-- The key that the log is sealed with, itself sealed under the servers' EVENTFLOW_SECRET_KEY. One row, made once; without it
-- nothing is sealed. `since`: where the log was when it was made.
CREATE TABLE log_key (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  key_id TEXT NOT NULL,
  nonce BLOB NOT NULL,
  sealed BLOB NOT NULL,
  since INTEGER NOT NULL,
  made_at INTEGER NOT NULL
) STRICT;
-- Each seal covers the records from `first` to `position`, and the seal before it. `count` and `content` say what was there
-- when it was made and never change, nor does `hash`; `present` says what is there now, and changes when records are removed.
CREATE TABLE seals (
  position INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  count INTEGER NOT NULL,
  content BLOB NOT NULL,
  at INTEGER NOT NULL,
  hash BLOB NOT NULL,
  present BLOB NOT NULL
) STRICT;
