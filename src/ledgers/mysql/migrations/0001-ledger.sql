-- The ledger. What is compared byte for byte is VARBINARY: a VARCHAR compares `a` and `a ` as one under most collations, and
-- cuts spaces that are too many, in strict mode too. Times are milliseconds. The statements are run one by one, and each may
-- be run again after a crash; see migrate.ts.

CREATE TABLE events (
  event_id VARBINARY(64) NOT NULL,
  spec MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL CHECK (JSON_VALID(spec)),
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (state IN ('active', 'paused', 'closed')),
  revision INT NOT NULL,
  epoch INT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (event_id)
) ENGINE = InnoDB;

CREATE TABLE coupons (
  event_id VARBINARY(64) NOT NULL,
  slot INT NOT NULL CHECK (slot >= 1),
  user_id VARBINARY(128) NOT NULL,
  nth INT NOT NULL CHECK (nth >= 1),
  claim_id VARBINARY(64) NOT NULL,
  claim_key VARBINARY(128),
  code VARBINARY(64) NOT NULL,
  won_at BIGINT NOT NULL,
  issued_at BIGINT NOT NULL,
  PRIMARY KEY (event_id, slot),
  UNIQUE KEY coupons_by_user (event_id, user_id, nth),
  UNIQUE KEY coupons_by_claim (event_id, claim_id)
) ENGINE = InnoDB;

CREATE TABLE failed_issuances (
  id BIGINT NOT NULL AUTO_INCREMENT,
  event_id VARBINARY(64),
  slot INT,
  user_id VARBINARY(128),
  record MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  error MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  attempts INT NOT NULL,
  next_attempt_at BIGINT,
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (state IN ('waiting', 'reissued', 'discarded')),
  reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  PRIMARY KEY (id),
  UNIQUE KEY failed_issuances_by_slot (event_id, slot),
  KEY failed_issuances_by_due (state, next_attempt_at)
) ENGINE = InnoDB;

CREATE TABLE log_positions (
  log_partition VARBINARY(512) NOT NULL,
  `position` VARBINARY(255) NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (log_partition)
) ENGINE = InnoDB;
