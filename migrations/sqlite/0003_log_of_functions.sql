-- The functions' own history, for those who ask what was routed where: small beside the runs that share the log.
CREATE INDEX log_of_functions ON log (position) WHERE stream >= 'function-' AND stream < 'function.';
