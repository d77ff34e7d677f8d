-- What workers share: the rate of issuing, and the events that none of them issues any more.

CREATE TABLE issue_rates (
  name TEXT COLLATE "C" PRIMARY KEY,
  tokens DOUBLE PRECISION NOT NULL,
  filled_at BIGINT NOT NULL
);

CREATE TABLE stopped_events (
  event_id TEXT COLLATE "C" PRIMARY KEY CHECK (octet_length(event_id) <= 64),
  cause TEXT COLLATE "C" NOT NULL,
  stopped_at BIGINT NOT NULL
);
