-- States of long streams, so that nobody reads them from the beginning.
CREATE TABLE snapshots (
  stream TEXT COLLATE "C" PRIMARY KEY,
  version BIGINT NOT NULL,
  shape BIGINT NOT NULL,
  state BYTEA NOT NULL
);
