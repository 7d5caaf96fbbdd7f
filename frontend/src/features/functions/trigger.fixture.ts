// An http trigger without settings, for tests.

export const trigger = {
  type: "http",
  pattern: null,
  filter: null,
  cron: null,
  timezone: null,
  catchUp: null,
  overlap: null,
  name: null,
  scheme: null,
  secret: null,
  url: null,
  nextFireTimes: null,
  auth: null,
  path: null,
  pathUrl: null,
  cors: null,
};
