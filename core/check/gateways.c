/* check/gateways.c - what servers that use the same store tell each other by it */
#include "check/gateways.h"

#include "check/binding.h"
#include "store/named.h"
#include "store/schema.h"

#define SECOND ((pp_msec_t)1000)
#define OVERLAP (60 * SECOND)     /* how long a row may be on its way */
#define OLD (600 * SECOND)        /* of a row that was made then nobody is late, whatever his clock says */
#define AGAIN (2 * SECOND)        /* when a notice is told a second time */
#define KEPT (24 * 3600 * SECOND) /* how long notices stay */
#define TIDY_EVERY (600 * SECOND)
#define LEASE (30 * SECOND)     /* of a duty */
#define LOOK_EVERY (5 * SECOND) /* whether one that another server has is free */
#define PAGE 500

/* A notice that has been told. */
struct heard {
	int64_t number;
	pp_msec_t made; /* a number that is used once more is of another one */
	pp_msec_t at;   /* pp_now() */
	bool again;
};

struct duty {
	bool ours;
	pp_msec_t look_at; /* pp_now(): when to ask next */
};

struct gateways {
	int refs;
	struct store *store;
	struct statement_set *set;
	char *name; /* of this server, like no other */
	const struct statement *add, *since, *expire, *take;

	/* Of the thread that listens. */
	int64_t settled;    /* up to this number all is told */
	GHashTable *heard;  /* struct heard, of those behind it, by number */
	pp_msec_t heard_at; /* when the others were listened to last, pp_now(); 0: never */
	pp_msec_t tidied_at;

	GMutex lock;
	GHashTable *duties; /* struct duty by name */
};

/* -- making -------------------------------------------------------------- */

static GMutex all_lock;
static GPtrArray *all; /* struct gateways: one for each store in use */

static bool find_all(struct gateways *gateways, char **error)
{
	const struct {
		const char *name;
		const struct statement **statement;
	} wanted[] = { { "notice_add", &gateways->add },
		       { "notice_since", &gateways->since },
		       { "notice_expire", &gateways->expire },
		       { "duty_take", &gateways->take } };

	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
		*wanted[i].statement = statement_find(gateways->set, wanted[i].name);
		if (*wanted[i].statement != NULL)
			continue;
		*error = g_strdup_printf("there is no file %s/%s.sql", GATEWAYS_SET, wanted[i].name);
		return false;
	}
	return true;
}

static void register_it(struct gateways *gateways)
{
	g_mutex_lock(&all_lock);
	if (all == NULL)
		all = g_ptr_array_new();
	g_ptr_array_add(all, gateways);
	g_mutex_unlock(&all_lock);
}

struct gateways *gateways_new(struct store *store, const char *const *folders, const char *name, char **error)
{
	struct gateways *gateways = g_new0(struct gateways, 1);

	gateways->refs = 1;
	gateways->store = store_ref(store);
	gateways->name = g_strdup_printf("%s/%08x%08x", name, g_random_int(), g_random_int());
	gateways->heard = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	gateways->duties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_mutex_init(&gateways->lock);
	register_it(gateways);
	gateways->set = statement_set_load(folders, store_driver(store), GATEWAYS_SET, GATEWAYS_SET, error);
	if (gateways->set != NULL && find_all(gateways, error)) {
		store_add(store, gateways->set);
		return gateways;
	}
	gateways_unref(gateways);
	return NULL;
}

struct gateways *gateways_ref(struct gateways *gateways)
{
	g_atomic_int_inc(&gateways->refs);
	return gateways;
}

/* Who finds it among all takes a reference under the same lock. */
static bool is_last_reference(struct gateways *gateways)
{
	bool last;

	g_mutex_lock(&all_lock);
	last = g_atomic_int_dec_and_test(&gateways->refs);
	if (last)
		g_ptr_array_remove_fast(all, gateways);
	g_mutex_unlock(&all_lock);
	return last;
}

void gateways_unref(struct gateways *gateways)
{
	if (gateways == NULL || !is_last_reference(gateways))
		return;
	statement_set_unref(gateways->set);
	store_unref(gateways->store);
	g_hash_table_unref(gateways->heard);
	g_hash_table_unref(gateways->duties);
	g_mutex_clear(&gateways->lock);
	g_free(gateways->name);
	g_free(gateways);
}

struct store *gateways_store(const struct gateways *gateways)
{
	return gateways->store;
}

/* -- notices ------------------------------------------------------------- */

/* A moment, or none. */
static struct database_value moment(pp_msec_t time)
{
	return time == 0 ? named_text(NULL) : named_number(time);
}

bool gateways_tell(struct gateways *gateways, const struct gateways_notice *notice, const char *author,
                   char **error)
{
	const struct named_argument arguments[] = { { "made", moment(notice->made) },
		                                    { "gateway", named_text(gateways->name) },
		                                    { "author", named_text(author) },
		                                    { "tables", named_text(notice->tables) },
		                                    { "check_name", named_text(notice->check_name) },
		                                    { "pattern", named_text(notice->pattern) },
		                                    { "word", named_text(notice->word) },
		                                    { "place", named_text(notice->place) },
		                                    { "good_max", moment(notice->good_max) },
		                                    { "made_max", moment(notice->made_max) },
		                                    { NULL } };

	return named_run(gateways->store, gateways->add, arguments, NULL, error);
}

static struct gateways_notice notice_of(const struct gateways *gateways, const struct store_rows *rows,
                                        unsigned row)
{
	return (struct gateways_notice){ .tables = named_text_of(rows, row, "tables"),
		                         .check_name = named_text_of(rows, row, "check_name"),
		                         .pattern = named_text_of(rows, row, "pattern"),
		                         .word = named_text_of(rows, row, "word"),
		                         .place = named_text_of(rows, row, "place"),
		                         .good_max = named_number_of(rows, row, "good_max"),
		                         .made_max = named_number_of(rows, row, "made_max"),
		                         .made = named_number_of(rows, row, "made"),
		                         .ours = g_strcmp0(named_text_of(rows, row, "gateway"),
		                                           gateways->name) == 0 };
}

/* Whether a notice is to be told now. One of our own was carried out by the command itself. */
static bool is_due(struct gateways *gateways, int64_t number, struct gateways_notice *notice)
{
	struct heard *heard = g_hash_table_lookup(gateways->heard, &number);
	pp_msec_t now = pp_now();

	if (heard == NULL || heard->made != notice->made) {
		heard = g_new0(struct heard, 1);
		*heard = (struct heard){ .number = number, .made = notice->made, .at = now };
		g_hash_table_replace(gateways->heard, &heard->number, heard);
		return !notice->ours;
	}
	if (heard->again || now - heard->at < AGAIN)
		return false;
	notice->again = heard->again = true;
	return true;
}

/* Up to which number nothing new can turn up any more. */
static void settle(struct gateways *gateways, int64_t number, pp_msec_t made)
{
	const struct heard *heard = g_hash_table_lookup(gateways->heard, &number);
	bool told = heard != NULL && heard->again;

	if (told && (pp_now() - heard->at > OVERLAP || pp_time() - made > OLD))
		gateways->settled = MAX(gateways->settled, number);
}

static gboolean is_settled(gpointer key, gpointer value, gpointer data)
{
	(void)value;
	return *(const int64_t *)key <= *(const int64_t *)data;
}

/* The last that is settled comes once more, so that it can be looked for. Numbers begin at 1. */
static int64_t before_first(const struct gateways *gateways)
{
	return MAX(gateways->settled - 1, 0);
}

/* Whether the first page begins with the last row that is settled. If not it was deleted, as after a day,
 * or rows are those of a backup, or numbers begin anew: then nothing is settled. */
static bool is_continued(const struct gateways *gateways, const struct store_rows *rows, int64_t number)
{
	return gateways->settled == 0 || number >= gateways->settled ||
	       (rows->count > 0 && named_number_of(rows, 0, "number") == gateways->settled);
}

/* A page behind a number; how many rows it had, *number: of the last. -1: it failed. */
static int listen_page(struct gateways *gateways, int64_t *number,
                       void (*heard)(const struct gateways_notice *notice, void *data), void *data)
{
	const struct named_argument arguments[] = { { "number", named_number(*number) },
		                                    { "most", named_number(PAGE) },
		                                    { NULL } };
	struct store_rows *rows = NULL;
	int count;

	if (!named_run(gateways->store, gateways->since, arguments, &rows, NULL))
		return -1;
	if (!is_continued(gateways, rows, *number)) {
		gateways->settled = 0;
		*number = before_first(gateways);
		store_rows_free(rows);
		return PAGE;
	}
	count = (int)rows->count;
	for (unsigned i = 0; i < rows->count; i++) {
		struct gateways_notice notice = notice_of(gateways, rows, i);

		*number = named_number_of(rows, i, "number");
		if (*number == gateways->settled)
			continue;
		if (is_due(gateways, *number, &notice))
			heard(&notice, data);
		settle(gateways, *number, notice.made);
	}
	store_rows_free(rows);
	return count;
}

static void tidy(struct gateways *gateways)
{
	const struct named_argument arguments[] = { { "made", named_number(pp_time() - KEPT) }, { NULL } };

	if (gateways->tidied_at != 0 && pp_now() - gateways->tidied_at < TIDY_EVERY)
		return;
	gateways->tidied_at = pp_now();
	if (gateways_have_duty(gateways, GATEWAYS_SET))
		named_run(gateways->store, gateways->expire, arguments, NULL, NULL);
}

bool gateways_listen(struct gateways *gateways,
                     void (*heard)(const struct gateways_notice *notice, void *data), void *data)
{
	int64_t number = before_first(gateways);
	bool late = gateways->heard_at != 0 && pp_now() - gateways->heard_at > KEPT;
	int count;

	do
		count = listen_page(gateways, &number, heard, data);
	while (count == PAGE);
	if (count < 0)
		return true;
	gateways->heard_at = pp_now();
	g_hash_table_foreach_remove(gateways->heard, is_settled, &gateways->settled);
	tidy(gateways);
	return !late;
}

/* -- duties -------------------------------------------------------------- */

static void ask_for_duty(struct gateways *gateways, const char *name, struct duty *duty)
{
	pp_msec_t now = pp_time();
	const struct named_argument arguments[] = { { "name", named_text(name) },
		                                    { "gateway", named_text(gateways->name) },
		                                    { "now", named_number(now) },
		                                    { "until", named_number(now + LEASE) },
		                                    { NULL } };
	struct store_rows *rows = NULL;
	bool known = named_run(gateways->store, gateways->take, arguments, &rows, NULL);

	/* What cannot be found out must not keep tables from being looked after. */
	duty->ours = !known ||
	             (rows->count > 0 && g_strcmp0(named_text_of(rows, 0, "gateway"), gateways->name) == 0);
	duty->look_at = pp_now() + (known && duty->ours ? LEASE / 2 : LOOK_EVERY);
	store_rows_free(rows);
}

bool gateways_have_duty(struct gateways *gateways, const char *name)
{
	struct duty *duty;
	bool ours;

	if (gateways == NULL)
		return true;
	g_mutex_lock(&gateways->lock);
	duty = g_hash_table_lookup(gateways->duties, name);
	if (duty == NULL) {
		duty = g_new0(struct duty, 1);
		g_hash_table_insert(gateways->duties, g_strdup(name), duty);
	}
	if (pp_now() >= duty->look_at)
		ask_for_duty(gateways, name, duty);
	ours = duty->ours;
	g_mutex_unlock(&gateways->lock);
	return ours;
}

/* -- for modules --------------------------------------------------------- */

char *gateways_tables(const struct check *check)
{
	if (check->store == NULL || check->statements == NULL || check->statements->statement == NULL)
		return NULL;
	return schema_name(check->statements->statement->set);
}

void gateways_changed(struct check *check)
{
	void *handle = g_atomic_pointer_get(&check->handle);

	if (check->module->desc->changed == NULL || handle == NULL)
		return;
	check_enter(check);
	check->module->desc->changed(handle);
	check_leave();
}

static struct gateways *find_gateways(const struct store *store)
{
	struct gateways *found = NULL;

	g_mutex_lock(&all_lock);
	for (guint i = 0; all != NULL && i < all->len && found == NULL; i++)
		if (gateways_store(all->pdata[i]) == store)
			found = gateways_ref(all->pdata[i]);
	g_mutex_unlock(&all_lock);
	return found;
}

bool pp_duty(void)
{
	const struct check *check = check_current();
	g_autofree char *tables = check != NULL ? gateways_tables(check) : NULL;
	struct gateways *gateways = tables != NULL ? find_gateways(check->store) : NULL;
	bool ours = gateways_have_duty(gateways, tables);

	gateways_unref(gateways);
	return ours;
}
