-- The tables that every strategy finds: coupons, in the order of their inserts, and one event whose row counts them.
CREATE TABLE coupons (
  id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(64) NOT NULL, number INT
) ENGINE = InnoDB;
CREATE TABLE events (id INT PRIMARY KEY, issued INT NOT NULL, version INT NOT NULL) ENGINE = InnoDB;
INSERT INTO events (id, issued, version) VALUES (1, 0, 0);
