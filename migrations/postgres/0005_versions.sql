-- Versions of functions.
CREATE TABLE versions (
  function TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  build TEXT COLLATE "C" NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  manifest TEXT COLLATE "C" NOT NULL,
  git_commit TEXT COLLATE "C",
  size BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  position BIGINT NOT NULL,
  PRIMARY KEY (function, number)
);
