-- Takes a duty, or keeps it; the result tells who has it. (From left to right: until is changed where the
-- gateway is this one by now.) What was noted by a clock that was ten minutes ahead is
-- no longer his: a server of that clock may be gone.
INSERT INTO ppolicyd_duties (name, gateway, until)
VALUES (:name, :gateway, :until)
ON DUPLICATE KEY UPDATE
	gateway = CASE WHEN until < :now OR until > VALUES(until) + 600000 THEN VALUES(gateway) ELSE gateway END,
	until = CASE WHEN gateway = VALUES(gateway) THEN VALUES(until) ELSE until END;
SELECT gateway FROM ppolicyd_duties
WHERE name = :name
