/* receiver.h - header fields that say what came of a check, for the mail (RFC 7208 9, RFC 8601) */
#ifndef SPF_RECEIVER_H
#define SPF_RECEIVER_H

#include "evaluate.h"

enum { RECEIVER_SIZE = 991 }; /* of a header field: prepend() cuts a longer one; with the NUL */

/* "Received-SPF: pass (mx.example.org: domain of ...) receiver=mx.example.org; ...". A value that
 * the line has no room for is left out. */
void receiver_print(const struct spf_question *question, const struct spf_outcome *outcome,
                    char line[RECEIVER_SIZE]);

/* "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=bob@example.org" */
void receiver_print_results(const struct spf_question *question, const struct spf_outcome *outcome,
                            char line[RECEIVER_SIZE]);

#endif
