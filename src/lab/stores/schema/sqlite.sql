-- The tables that every strategy finds: coupons, in the order of their inserts, and one event whose row counts them.
PRAGMA journal_mode = WAL;
CREATE TABLE coupons (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT NOT NULL, number INTEGER);
CREATE TABLE events (id INTEGER PRIMARY KEY, issued INTEGER NOT NULL, version INTEGER NOT NULL);
INSERT INTO events (id, issued, version) VALUES (1, 0, 0);
