-- What builds and runs print. Positions count lines alone.
CREATE TABLE lines (
  position INTEGER PRIMARY KEY,
  function TEXT NOT NULL,
  namespace TEXT NOT NULL,
  build TEXT,
  run TEXT,
  instance TEXT,
  stream TEXT NOT NULL,
  at INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX lines_of_functions ON lines (function, position) WHERE build IS NULL;
CREATE INDEX lines_of_runs ON lines (run, position) WHERE run IS NOT NULL;
CREATE INDEX lines_of_builds ON lines (build, position) WHERE build IS NOT NULL;
