-- The ledger. COLLATE "C" compares byte for byte. Lengths are CHECKs: a VARCHAR(n) cuts spaces that are too many. Times are
-- milliseconds. The whole migration is one transaction.

CREATE TABLE events (
  event_id TEXT COLLATE "C" PRIMARY KEY CHECK (octet_length(event_id) <= 64),
  spec JSON NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'paused', 'closed')),
  revision INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE coupons (
  event_id TEXT COLLATE "C" NOT NULL CHECK (octet_length(event_id) <= 64),
  slot INTEGER NOT NULL CHECK (slot >= 1),
  user_id TEXT COLLATE "C" NOT NULL CHECK (octet_length(user_id) <= 128),
  nth INTEGER NOT NULL CHECK (nth >= 1),
  claim_id TEXT COLLATE "C" NOT NULL CHECK (octet_length(claim_id) <= 64),
  claim_key TEXT COLLATE "C" CHECK (octet_length(claim_key) <= 128),
  code TEXT COLLATE "C" NOT NULL CHECK (octet_length(code) <= 64),
  won_at BIGINT NOT NULL,
  issued_at BIGINT NOT NULL,
  PRIMARY KEY (event_id, slot)
);

CREATE UNIQUE INDEX coupons_by_user ON coupons (event_id, user_id, nth);
CREATE UNIQUE INDEX coupons_by_claim ON coupons (event_id, claim_id);

CREATE TABLE failed_issuances (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id TEXT COLLATE "C" CHECK (octet_length(event_id) <= 64),
  slot INTEGER,
  user_id TEXT COLLATE "C" CHECK (octet_length(user_id) <= 128),
  record TEXT COLLATE "C" NOT NULL,
  error TEXT COLLATE "C" NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at BIGINT,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'reissued', 'discarded')),
  reason TEXT COLLATE "C"
);

CREATE UNIQUE INDEX failed_issuances_by_slot ON failed_issuances (event_id, slot);
CREATE INDEX failed_issuances_by_due ON failed_issuances (next_attempt_at) WHERE state = 'waiting';

CREATE TABLE log_positions (
  log_partition TEXT COLLATE "C" PRIMARY KEY CHECK (octet_length(log_partition) <= 512),
  position TEXT COLLATE "C" NOT NULL CHECK (octet_length(position) <= 255),
  updated_at BIGINT NOT NULL
);
