-- Values of secrets, sealed. No read table: the log knows only that a secret was set, so this cannot be made anew from it.
-- A removed secret keeps its row, without its value.
CREATE TABLE secrets (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  key_id TEXT,
  nonce BLOB,
  sealed BLOB,
  set_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) STRICT;
