-- Versions of functions.
CREATE TABLE versions (
  function TEXT NOT NULL,
  number INTEGER NOT NULL,
  build TEXT NOT NULL,
  digest TEXT NOT NULL,
  manifest TEXT NOT NULL,
  git_commit TEXT,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (function, number)
) STRICT;
