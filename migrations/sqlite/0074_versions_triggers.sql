-- What starts a version, a line for each trigger, so that functions are found by it without their manifests being read.
-- Servers fill it in when they start, where it is empty: older versions, and those that an older server writes meanwhile.
ALTER TABLE versions ADD COLUMN triggers TEXT;
CREATE INDEX versions_triggers ON versions (function, number, triggers);
