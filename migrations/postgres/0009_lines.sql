-- What builds and runs print. Positions count lines alone.
CREATE TABLE lines (
  position BIGINT PRIMARY KEY,
  function TEXT COLLATE "C" NOT NULL,
  namespace TEXT COLLATE "C" NOT NULL,
  build TEXT COLLATE "C",
  run TEXT COLLATE "C",
  instance TEXT COLLATE "C",
  stream TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  text TEXT COLLATE "C" NOT NULL
);
CREATE INDEX lines_of_functions ON lines (function, position) WHERE build IS NULL;
CREATE INDEX lines_of_runs ON lines (run, position) WHERE run IS NOT NULL;
CREATE INDEX lines_of_builds ON lines (build, position) WHERE build IS NOT NULL;
