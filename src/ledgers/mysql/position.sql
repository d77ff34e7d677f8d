-- How far a partition has been issued. ?1 log_partition -> position
SELECT `position` FROM log_positions WHERE log_partition = ?1
