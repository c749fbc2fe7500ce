-- Takes a duty, or keeps it. No row: another server has it. What was noted by a clock that was ten
-- minutes ahead is no longer his: a server of that clock may be gone.
INSERT INTO ppolicyd_duties (name, gateway, until)
VALUES (:name, :gateway, :until)
ON CONFLICT (name) DO UPDATE SET gateway = excluded.gateway, until = excluded.until
WHERE ppolicyd_duties.until < :now OR ppolicyd_duties.until > excluded.until + 600000
	OR ppolicyd_duties.gateway = excluded.gateway
RETURNING gateway
