-- The key that the log is sealed with, itself sealed under the servers' EVENTFLOW_SECRET_KEY. One row, made once; without it
-- nothing is sealed. `since`: where the log was when it was made.
CREATE TABLE log_key (
  one BIGINT PRIMARY KEY CHECK (one = 1),
  key_id TEXT NOT NULL,
  nonce BYTEA NOT NULL,
  sealed BYTEA NOT NULL,
  since BIGINT NOT NULL,
  made_at BIGINT NOT NULL
);
-- Each seal covers the records from `first` to `position`, and the seal before it. `count` and `content` say what was there
-- when it was made and never change, nor does `hash`; `present` says what is there now, and changes when records are removed.
CREATE TABLE seals (
  position BIGINT PRIMARY KEY,
  first BIGINT NOT NULL,
  count BIGINT NOT NULL,
  content BYTEA NOT NULL,
  at BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  present BYTEA NOT NULL
);
