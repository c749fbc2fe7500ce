-- Deletes what has expired of some rows, and what is older than the table has room for.
DELETE FROM {table}
WHERE id > :seq AND id <= :last
	AND CASE WHEN passed_at > 0 THEN :now - last_seen > life OR last_seen <= :passed_until
		ELSE :now - first_seen > retry_window OR first_seen <= :waiting_until END
