-- Runs between two attempts, by when the next one is due.
CREATE INDEX runs_due ON runs (due) WHERE state = 'RETRYING';
