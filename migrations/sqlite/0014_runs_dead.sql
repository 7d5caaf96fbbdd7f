-- What became of dead runs: WAITING for somebody to look, REDRIVEN as another run, or PURGED.
ALTER TABLE runs ADD COLUMN dead_letter TEXT;
ALTER TABLE runs ADD COLUMN redriven_as TEXT;
UPDATE runs SET dead_letter = 'WAITING' WHERE state = 'DEAD';
CREATE INDEX runs_dead ON runs (created_position) WHERE dead_letter = 'WAITING';
