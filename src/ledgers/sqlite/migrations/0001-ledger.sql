-- The ledger of one machine. TEXT compares byte for byte (BINARY is SQLite's default collation); times are milliseconds.

CREATE TABLE events (
  event_id TEXT PRIMARY KEY,
  spec TEXT NOT NULL CHECK (json_valid(spec)),
  state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'closed')),
  revision INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE coupons (
  event_id TEXT NOT NULL,
  slot INTEGER NOT NULL CHECK (slot >= 1),
  user_id TEXT NOT NULL,
  nth INTEGER NOT NULL CHECK (nth >= 1),
  claim_id TEXT NOT NULL,
  claim_key TEXT,
  code TEXT NOT NULL,
  won_at INTEGER NOT NULL,
  issued_at INTEGER NOT NULL,
  PRIMARY KEY (event_id, slot)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX coupons_by_user ON coupons (event_id, user_id, nth);
CREATE UNIQUE INDEX coupons_by_claim ON coupons (event_id, claim_id);

CREATE TABLE failed_issuances (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id TEXT,
  slot INTEGER,
  user_id TEXT,
  record TEXT NOT NULL,
  error TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'reissued', 'discarded')),
  reason TEXT
) STRICT;

CREATE UNIQUE INDEX failed_issuances_by_slot ON failed_issuances (event_id, slot);
CREATE INDEX failed_issuances_by_due ON failed_issuances (next_attempt_at) WHERE state = 'waiting';

CREATE TABLE log_positions (
  log_partition TEXT PRIMARY KEY,
  position TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
