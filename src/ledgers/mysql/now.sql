-- The time of the server, in milliseconds; a statement of its own, so that it is read behind the locks. -> now
SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS now
