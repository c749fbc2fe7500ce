/* table.c - what goes into statements and comes out of them, as rows */
#include "greylist.h"

#define TRIPLET_ROWS(structure) \
	PP_TEXT(structure, client), PP_TEXT(structure, sender), PP_TEXT(structure, recipient)

static const pp_row_t decide_args[] = {
	PP_INT(struct decide_args, id),
	TRIPLET_ROWS(struct decide_args),
	PP_DURATION(struct decide_args, now),
	PP_DURATION(struct decide_args, delay),
	PP_DURATION(struct decide_args, retry_window),
	PP_DURATION(struct decide_args, life),
	PP_END,
};
static const pp_row_t decided_columns[] = {
	TRIPLET_ROWS(struct decided),
	PP_DURATION(struct decided, first_seen),
	PP_INT(struct decided, asks),
	PP_INT(struct decided, passes),
	PP_INT(struct decided, restarts),
	PP_INT(struct decided, candidates),
	PP_END,
};

static const pp_row_t client_args[] = { PP_TEXT(struct client_args, client), PP_END };
static const pp_row_t candidates_columns[] = { PP_INT(struct candidates, candidates), PP_END };

static const pp_row_t others_args[] = {
	PP_TEXT(struct others_args, client),
	PP_DURATION(struct others_args, now),
	PP_END,
};
static const pp_row_t others_columns[] = { PP_INT(struct others, others), PP_END };

static const pp_row_t seen_args[] = {
	PP_INT(struct seen_args, id),
	PP_DURATION(struct seen_args, now),
	PP_DURATION(struct seen_args, life),
	PP_END,
};

static const pp_row_t id_args[] = { PP_INT(struct id_args, id), PP_END };
static const pp_row_t known_columns[] = { PP_INT(struct known, passes), PP_END };

static const pp_row_t release_args[] = {
	PP_INT(struct release_args, seq),
	PP_DURATION(struct release_args, now),
	PP_END,
};
static const pp_row_t seq_args[] = { PP_INT(struct seq_args, seq), PP_END };

static const pp_row_t slice_args[] = {
	PP_INT(struct slice_args, seq),
	PP_INT(struct slice_args, most),
	PP_END,
};
static const pp_row_t row_columns[] = {
	PP_INT(struct row, seq),
	TRIPLET_ROWS(struct row),
	PP_DURATION(struct row, first_seen),
	PP_DURATION(struct row, last_seen),
	PP_DURATION(struct row, passed_at),
	PP_INT(struct row, asks),
	PP_INT(struct row, passes),
	PP_INT(struct row, restarts),
	PP_DURATION(struct row, delay),
	PP_DURATION(struct row, retry_window),
	PP_DURATION(struct row, life),
	PP_END,
};

static const pp_row_t purge_args[] = {
	PP_INT(struct purge_args, seq),
	PP_INT(struct purge_args, last),
	PP_DURATION(struct purge_args, now),
	PP_DURATION(struct purge_args, waiting_until),
	PP_DURATION(struct purge_args, passed_until),
	PP_END,
};

static const pp_row_t count_columns[] = {
	PP_INT(struct count, total),
	PP_INT(struct count, passed),
	PP_END,
};

static const pp_row_t before_args[] = { PP_INT(struct before_args, before), PP_END };
static const pp_row_t moment_columns[] = { PP_DURATION(struct moment, moment), PP_END };

const pp_statement_t greylist_statements[] = {
	PP_STATEMENT("decide", decide_args, decided_columns, struct decided),
	PP_STATEMENT("candidates", client_args, candidates_columns, struct candidates),
	PP_STATEMENT("others", others_args, others_columns, struct others),
	{ .name = "refresh", .args = seen_args },
	{ .name = "accept", .args = seen_args },
	PP_STATEMENT("known", id_args, known_columns, struct known),
	{ .name = "release", .args = release_args },
	{ .name = "forget", .args = seq_args },
	PP_STATEMENT("slice", slice_args, row_columns, struct row),
	{ .name = "purge", .args = purge_args },
	PP_STATEMENT("count", NULL, count_columns, struct count),
	PP_STATEMENT("oldest_waiting", before_args, moment_columns, struct moment),
	PP_STATEMENT("oldest_passed", before_args, moment_columns, struct moment),
	PP_STATEMENTS_END,
};

/* As decide.sql and purge.sql see it. */
enum row_state row_state(const struct row *row, pp_msec_t now)
{
	if (row->passed_at > 0 && now - row->last_seen > row->life)
		return ROW_EXPIRED;
	if (row->passed_at > 0)
		return row->passes > 0 ? ROW_PASSED : ROW_READY;
	if (now - row->first_seen > row->retry_window)
		return ROW_EXPIRED;
	return now - row->first_seen >= row->delay ? ROW_READY : ROW_WAITING;
}
