-- What the ledger relies on, whatever the server's own settings are, and whether a commit is on the disk before it is
-- answered. Once for each connection. Where commits would not wait for the disk, they do so here.
-- The timeouts lie below the time that a call is given; that of idling ends the locks of a client whose machine is gone.
-- -> fsync
SELECT
  current_setting('fsync') AS fsync,
  set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), false),
  set_config('client_encoding', 'UTF8', false),
  set_config('lock_timeout', '3s', false),
  set_config('statement_timeout', '7s', false),
  set_config('idle_in_transaction_session_timeout', '15s', false)
