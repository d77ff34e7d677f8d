-- The gate of one machine. TEXT compares byte for byte (BINARY is SQLite's default collation).

-- One row: written at each opening, so that the settings of durability can be asserted after a real write.
CREATE TABLE openings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  opened_at INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
  event_no INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  capacity INTEGER NOT NULL,
  limit_per_user INTEGER NOT NULL,
  opens_at INTEGER,
  closes_at INTEGER,
  phase TEXT NOT NULL CHECK (phase IN ('active', 'paused', 'closed')),
  revision INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  won INTEGER NOT NULL CHECK (won BETWEEN 0 AND capacity),
  acts INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_time INTEGER NOT NULL
) STRICT;

-- The wins, which are the outbox's wins as well: a gate must keep them for replays anyway, so nothing is written twice
-- and slot and outbox entry cannot come apart. Slots grow, so that each win is appended at the end of this tree. There is no
-- index by user on purpose: it cost 7 µs of CPU a win; the gate has one in memory, made anew from these rows.
CREATE TABLE wins (
  event_no INTEGER NOT NULL,
  slot INTEGER NOT NULL CHECK (slot >= 1),
  user_id TEXT NOT NULL,
  nth INTEGER NOT NULL CHECK (nth >= 1),
  claim_key TEXT,
  claim_id TEXT NOT NULL,
  won_at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (event_no, slot)
) STRICT, WITHOUT ROWID;

-- The outbox's event records, each behind the win of its slot, as JSON.
CREATE TABLE acts (
  event_no INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  n INTEGER NOT NULL CHECK (n >= 1),
  record TEXT NOT NULL,
  PRIMARY KEY (event_no, slot, n)
) STRICT, WITHOUT ROWID;
