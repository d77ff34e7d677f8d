-- What workers share: the rate of issuing, and the events that none of them issues any more.

CREATE TABLE issue_rates (
  name TEXT PRIMARY KEY,
  tokens REAL NOT NULL,
  filled_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stopped_events (
  event_id TEXT PRIMARY KEY,
  cause TEXT NOT NULL,
  stopped_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
