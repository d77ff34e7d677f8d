-- What workers share: the rate of issuing, and the events that none of them issues any more.

CREATE TABLE issue_rates (
  name VARBINARY(64) NOT NULL,
  tokens DOUBLE NOT NULL,
  filled_at BIGINT NOT NULL,
  PRIMARY KEY (name)
) ENGINE = InnoDB;

CREATE TABLE stopped_events (
  event_id VARBINARY(64) NOT NULL,
  cause MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  stopped_at BIGINT NOT NULL,
  PRIMARY KEY (event_id)
) ENGINE = InnoDB;
