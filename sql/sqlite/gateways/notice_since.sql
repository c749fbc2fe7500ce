-- What commands to any server dropped.
SELECT number, made, gateway, tables, check_name, pattern, word, place, good_max, made_max
FROM ppolicyd_notices
WHERE number > :number
ORDER BY number
LIMIT :most
