-- One row: the newest position of the log, and of the lines. Whoever appends moves it from what it knows to what it writes.
CREATE TABLE head (
  one BIGINT PRIMARY KEY CHECK (one = 1),
  position BIGINT NOT NULL,
  line BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO head (one, position, line) VALUES (1, 0, 0);
