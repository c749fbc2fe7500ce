-- Is there a row of this triplet?
SELECT passes FROM {table} WHERE id = :id
