-- What the ledger relies on, whatever the server's own settings are. Once for each connection.
-- sql_mode: what does not fit is refused and never cut. time_zone: UNIX_TIMESTAMP(NOW()) has no hour that comes twice.
-- unique_checks: a bulk load may have left them off. Lock waits: in seconds, below the time that a call is given.
-- wait_timeout: in seconds; a client whose machine is gone holds its locks no longer.
-- The last line: how long a statement may run, on MariaDB in seconds, on MySQL 8 in milliseconds and for reading alone.
SET SESSION
  sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, time_zone = '+00:00',
  unique_checks = 1, foreign_key_checks = 1, innodb_lock_wait_timeout = 3, lock_wait_timeout = 3, wait_timeout = 60
  /*M!100101 , max_statement_time = 7 */ /*!80000 , max_execution_time = 7000 */
