-- When the outcome of a run is to be told to who asked for it; nothing when nobody is to be told, or not any more.
ALTER TABLE runs ADD COLUMN callback_due INTEGER;
CREATE INDEX runs_callback ON runs (callback_due) WHERE callback_due IS NOT NULL;
