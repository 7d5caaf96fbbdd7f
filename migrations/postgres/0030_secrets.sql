-- Values of secrets, sealed. No read table: the log knows only that a secret was set, so this cannot be made anew from it.
-- A removed secret keeps its row, without its value.
CREATE TABLE secrets (
  namespace TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  key_id TEXT,
  nonce BYTEA,
  sealed BYTEA,
  set_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, name)
);
