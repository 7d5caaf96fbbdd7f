-- One row: the newest position of the log, and of the lines. Whoever appends moves it from what it knows to what it writes.
CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  position INTEGER NOT NULL,
  line INTEGER NOT NULL
) STRICT;
INSERT INTO head (one, position, line) VALUES (1, 0, 0);
