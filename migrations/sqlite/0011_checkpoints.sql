-- How far followers of the log have come.
CREATE TABLE checkpoints (
  follower TEXT PRIMARY KEY,
  position INTEGER NOT NULL
) STRICT;
