-- The time of the server, in milliseconds; a statement of its own, so that it is read behind the locks. -> now
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
