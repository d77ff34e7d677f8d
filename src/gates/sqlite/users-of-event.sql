-- Slot and user of every win of an event, for the index in memory. ?1 event_no
SELECT slot, user_id AS userId FROM wins WHERE event_no = ?1
