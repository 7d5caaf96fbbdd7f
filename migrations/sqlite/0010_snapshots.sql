-- States of long streams, so that nobody reads them from the beginning.
CREATE TABLE snapshots (
  stream TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  shape INTEGER NOT NULL,
  state BLOB NOT NULL
) STRICT;
