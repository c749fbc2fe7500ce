-- Takes a duty, or keeps it; the result tells who has it. (From left to right: until is changed where the
-- gateway is this one by now.)
INSERT INTO ppolicyd_duties (name, gateway, until)
VALUES (:name, :gateway, :until)
ON DUPLICATE KEY UPDATE
	gateway = CASE WHEN until < :now THEN VALUES(gateway) ELSE gateway END,
	until = CASE WHEN gateway = VALUES(gateway) THEN VALUES(until) ELSE until END;
SELECT gateway FROM ppolicyd_duties
WHERE name = :name
