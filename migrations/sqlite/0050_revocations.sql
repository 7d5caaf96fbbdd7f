-- Sessions that ended before their tokens expire. A row is removed when its token has expired.
CREATE TABLE revocations (
  session TEXT PRIMARY KEY,
  until INTEGER NOT NULL
) STRICT;
