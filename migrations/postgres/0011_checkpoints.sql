-- How far followers of the log have come.
CREATE TABLE checkpoints (
  follower TEXT COLLATE "C" PRIMARY KEY,
  position BIGINT NOT NULL
);
