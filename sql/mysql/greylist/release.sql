-- It waits no longer: the next time it is asked about it passes.
UPDATE {table} SET passed_at = :now, last_seen = :now WHERE id = :seq AND passed_at = 0
