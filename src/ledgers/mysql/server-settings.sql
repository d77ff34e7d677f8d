-- Whether a commit is on the disk before it is answered. -> flushAtCommit
SELECT @@innodb_flush_log_at_trx_commit AS flushAtCommit
