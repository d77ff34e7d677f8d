-- A write of nothing else: at each opening, and to find out whether the file can be written again. ?1 now
INSERT INTO openings (id, opened_at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET opened_at = ?1
