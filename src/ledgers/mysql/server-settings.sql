-- What cannot be set for one connection: whether a commit is on the disk before it is answered, and how long a statement may
-- be. -> flushAtCommit, packetBytesMax
SELECT @@innodb_flush_log_at_trx_commit AS flushAtCommit, @@max_allowed_packet AS packetBytesMax
