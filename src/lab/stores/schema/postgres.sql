-- The tables that every strategy finds: coupons, in the order of their inserts, and one event whose row counts them.
CREATE TABLE coupons (id BIGSERIAL PRIMARY KEY, user_id TEXT NOT NULL, number INT);
CREATE TABLE events (id INT PRIMARY KEY, issued INT NOT NULL, version INT NOT NULL);
INSERT INTO events (id, issued, version) VALUES (1, 0, 0);
