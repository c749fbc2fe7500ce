/* unit/test_request.c - a request's attributes are what Postfix sent, read as rules see them */
#include <glib.h>
#include <string.h>
#include "request/request.h"

static struct request_pool *pool;

static struct request *make(const char *const *pairs)
{
	struct request *request = request_new(pool);

	g_assert_cmpstr(request_from_pairs(request, pairs), ==, NULL);
	return request;
}

#define MAKE(...) make((const char *const[]){ __VA_ARGS__, NULL })

static const char *get(struct request *request, pp_attribute_t attribute)
{
	size_t length = 99;
	const char *value = request_get(request, attribute, &length);

	g_assert_cmpuint(length, ==, value == NULL ? 0 : strlen(value));
	return value;
}

static void test_values(void)
{
	static const char bytes[] =
	        "sender=a b=c\"d@Example.ORG\nrequest=smtpd_access_policy\nhelo_name=\n"
	        "size=4096\nx-own=1\nx-own=2\nsender=second@example.org\nclient_address=not-an-ip\n\n";
	struct request *request = request_new(pool);

	g_assert_cmpstr(request_parse(request, bytes, strlen(bytes)), ==, NULL);
	g_assert_cmpuint(request->count, ==, 8);
	g_assert_cmpuint(request->length, ==, strlen(bytes));
	g_assert_cmpstr(get(request, PP_SENDER), ==, "a b=c\"d@Example.ORG");
	g_assert_cmpstr(get(request, PP_HELO_NAME), ==, NULL);
	g_assert_cmpstr(get(request, PP_RECIPIENT), ==, NULL);
	g_assert_cmpstr(get(request, PP_CLIENT_ADDRESS), ==, "not-an-ip");
	g_assert_cmpstr(get(request, PP_ATTRIBUTE_NONE), ==, NULL);
	g_assert_cmpstr(request_get_named(request, "x-own", NULL), ==, "1");
	g_assert_cmpstr(request_get_named(request, "size", NULL), ==, "4096");
	g_assert_cmpstr(request_get_named(request, "sender_domain", NULL), ==, "example.org");
	g_assert_cmpstr(request_get_named(request, "unknown", NULL), ==, NULL);
	g_assert_true(request_was_sent(request, "helo_name"));
	g_assert_true(request_was_sent(request, "x-own"));
	g_assert_false(request_was_sent(request, "recipient"));
	g_assert_false(request_was_sent(request, "unknown"));
	g_assert_false(request_was_sent(request, "sender_domain"));
	request_unref(request);
}

/* The lines can be put together again for passing the request on. */
static void test_lines(void)
{
	static const char bytes[] = "request=smtpd_access_policy\nempty=\na=b=c\n\n";
	struct request *request = request_new(pool);
	g_autoptr(GString) again = g_string_new(NULL);

	g_assert_cmpstr(request_parse(request, bytes, strlen(bytes)), ==, NULL);
	for (unsigned i = 0; i < request->count; i++) {
		const struct request_slot *slot = &request->lines[i];

		g_assert_cmpuint(strlen(request->bytes + slot->value), ==, slot->length);
		g_string_append_printf(again, "%s=%s\n", request->bytes + slot->name,
		                       request->bytes + slot->value);
	}
	g_string_append_c(again, '\n');
	g_assert_cmpstr(again->str, ==, bytes);
	request_unref(request);
}

static void test_addresses(void)
{
	static const struct {
		const char *address, *domain, *localpart;
	} cases[] = {
		{ "a@example.org", "example.org", "a" },
		{ "A@Example.ORG", "example.org", "A" },
		{ "a@b@Example.org", "example.org", "a@b" },
		{ "postmaster", NULL, "postmaster" },
		{ "a@", NULL, "a" },
		{ "@example.org", "example.org", NULL },
		{ "@", NULL, NULL },
		{ "", NULL, NULL },
		{ "a@[192.0.2.1]", "[192.0.2.1]", "a" },
		{ "a@B\xc3\x9c"
		  "CHER.example",
		  "b\xc3\x9c"
		  "cher.example",
		  "a" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		for (int twice = 0; twice < 2; twice++) {
			struct request *request = MAKE("protocol_state", "RCPT", "sender", cases[i].address,
			                               "recipient", cases[i].address);

			g_assert_cmpstr(get(request, PP_RECIPIENT_LOCALPART), ==, cases[i].localpart);
			g_assert_cmpstr(get(request, PP_RECIPIENT_DOMAIN), ==, cases[i].domain);
			g_assert_cmpstr(get(request, PP_SENDER_DOMAIN), ==, cases[i].domain);
			g_assert_cmpstr(get(request, PP_SENDER_DOMAIN), ==, cases[i].domain);
			g_assert_cmpstr(get(request, PP_SENDER_LOCALPART), ==, cases[i].localpart);
			request_unref(request);
		}
}

/* A client cannot slip in what is to be made of the address. */
static void test_sent_derived(void)
{
	struct request *request = MAKE("sender", "a@example.org", "sender_domain", "partner.example");

	g_assert_cmpstr(get(request, PP_SENDER_DOMAIN), ==, "example.org");
	g_assert_cmpstr(request_get_named(request, "sender_domain", NULL), ==, "example.org");
	g_assert_true(request_was_sent(request, "sender_domain"));
	request_unref(request);
}

static void test_null_sender(void)
{
	static const struct {
		const char *state, *sender;
	} cases[] = { { "CONNECT", NULL },      { "HELO", NULL },  { "EHLO", NULL }, { "VRFY", NULL },
		      { "ETRN", NULL },         { "MAIL", "" },    { "RCPT", "" },   { "DATA", "" },
		      { "END-OF-MESSAGE", "" }, { "RCPTX", NULL }, { "", NULL } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct request *request = MAKE("sender", "", "protocol_state", cases[i].state);

		g_assert_cmpstr(get(request, PP_SENDER), ==, cases[i].sender);
		g_assert_cmpstr(request_get_named(request, "sender", NULL), ==, cases[i].sender);
		g_assert_cmpstr(get(request, PP_SENDER_DOMAIN), ==, NULL);
		request_unref(request);
		request = MAKE("protocol_state", cases[i].state);
		g_assert_cmpstr(get(request, PP_SENDER), ==, NULL);
		request_unref(request);
	}
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		bool right;
		int64_t number;
	} cases[] = { { "0", true, 0 },
		      { "12", true, 12 },
		      { "007", true, 7 },
		      { "9223372036854775807", true, INT64_MAX },
		      { "9223372036854775808", false, 0 },
		      { "99999999999999999999999", false, 0 },
		      { "", false, 0 },
		      { "-1", false, 0 },
		      { "+1", false, 0 },
		      { " 1", false, 0 },
		      { "1 ", false, 0 },
		      { "1e3", false, 0 },
		      { "0x1", false, 0 } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct request *request = MAKE("size", cases[i].text);
		int64_t number = 77;

		g_assert_cmpint(request_get_number(request, PP_SIZE, &number), ==, cases[i].right);
		g_assert_cmpint(number, ==, cases[i].right ? cases[i].number : 77);
		request_unref(request);
	}
}

#define BYTES(text) text, sizeof(text) - 1

static void test_wrong(void)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *wrong;
	} cases[] = {
		{ BYTES(""), "no empty line at its end" },
		{ BYTES("\n"), "no empty line at its end" },
		{ BYTES("\n\n"), "an empty request" },
		{ BYTES("request=smtpd_access_policy\n"), "no empty line at its end" },
		{ BYTES("request=smtpd_access_policy\r\n\r\n"), "no empty line at its end" },
		{ BYTES("request=smtpd_access_policy\na=\r\n\n"), "a carriage return" },
		{ BYTES("request=smtpd_access_policy\na=\0\n\n"), "a NUL byte" },
		{ BYTES("request=smtpd_access_policy\na\n\n"), "a line without '='" },
		{ BYTES("request=smtpd_access_policy\n\na=b\n\n"), "a line without '='" },
		{ BYTES("request=smtpd_access_policy\n=b\n\n"), "an attribute without a name" },
		{ BYTES("sender=a\n\n"), "no request=smtpd_access_policy" },
		{ BYTES("request=\n\n"), "no request=smtpd_access_policy" },
		{ BYTES("request=smtpd_access_policyx\n\n"), "no request=smtpd_access_policy" },
		{ BYTES("request=other\nrequest=smtpd_access_policy\n\n"), "no request=smtpd_access_policy" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct request *request = request_new(pool);

		g_assert_cmpstr(request_parse(request, cases[i].bytes, cases[i].size), ==, cases[i].wrong);
		request_unref(request);
	}
}

static const char *parse_lines(struct request *request, int lines)
{
	g_autoptr(GString) bytes = g_string_new(NULL);

	for (int i = 1; i < lines; i++)
		g_string_append_printf(bytes, "x%d=%d\n", i, i);
	g_string_append(bytes, "request=smtpd_access_policy\n\n");
	return request_parse(request, bytes->str, bytes->len);
}

static void test_limits(void)
{
	struct request *request = request_new(pool);
	g_autofree char *long_value = g_strnfill(REQUEST_BYTES_MAX, 'x');

	g_assert_cmpstr(parse_lines(request, 128), ==, NULL);
	g_assert_cmpuint(request->count, ==, 128);
	g_assert_cmpstr(get(request, PP_REQUEST), ==, "smtpd_access_policy");
	g_assert_cmpstr(parse_lines(request, 129), ==, "more than 128 attributes");
	g_assert_cmpstr(request_from_pairs(request, (const char *const[]){ "a", long_value, NULL }), ==,
	                "a request over 65536 bytes");
	request_unref(request);
}

static void test_pairs(void)
{
	struct request *request = request_new(pool);

	g_assert_nonnull(
	        request_from_pairs(request, (const char *const[]){ "a", "b\nsasl_username=x", NULL }));
	g_assert_nonnull(request_from_pairs(request, (const char *const[]){ "a=b", "c", NULL }));
	g_assert_nonnull(request_from_pairs(request, (const char *const[]){ "a\nb", "c", NULL }));
	g_assert_nonnull(request_from_pairs(request, (const char *const[]){ "", "c", NULL }));
	g_assert_nonnull(request_from_pairs(request, (const char *const[]){ "request", "other", NULL }));
	g_assert_null(
	        request_from_pairs(request, (const char *const[]){ "sender", "a=b@example.org", NULL }));
	g_assert_cmpstr(get(request, PP_SENDER), ==, "a=b@example.org");
	g_assert_cmpstr(get(request, PP_REQUEST), ==, "smtpd_access_policy");
	request_unref(request);
}

/* Nothing of one request is seen in the next, whatever order their lines have. */
static void test_recycled(void)
{
	struct request *first = MAKE("sender", "a@B.example", "helo_name", "x", "own", "1"), *second;

	get(first, PP_SENDER_DOMAIN);
	first->listener = first->peer = "somewhere";
	strcpy(first->id, "mx1-1");
	request_unref(first);
	second = request_new(pool);
	g_assert_true(second == first);
	g_assert_cmpstr(get(second, PP_SENDER), ==, NULL);
	g_assert_cmpstr(get(second, PP_SENDER_DOMAIN), ==, NULL);
	g_assert_cmpstr(request_get_named(second, "own", NULL), ==, NULL);
	g_assert_null(second->listener);
	g_assert_null(second->peer);
	g_assert_cmpstr(second->id, ==, "");
	g_assert_null(request_from_pairs(second,
	                                 (const char *const[]){ "own", "2", "sender", "c@d.example", NULL }));
	g_assert_cmpstr(get(second, PP_HELO_NAME), ==, NULL);
	g_assert_cmpstr(get(second, PP_SENDER), ==, "c@d.example");
	g_assert_cmpstr(get(second, PP_SENDER_DOMAIN), ==, "d.example");
	g_assert_cmpstr(request_get_named(second, "own", NULL), ==, "2");
	request_unref(second);
}

/* The parser guesses that lines have the names they had before. */
static void test_changed_names(void)
{
	static const char *const names[] = { "sasl_username", "sasl_usernamx", "sasl_xsername",
		                             "xasl_username", "sasl_username", "size",
		                             "siz",           "sizes",         "stress",
		                             "sender" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		struct request *request = MAKE(names[i], names[i]);

		for (unsigned a = PP_REQUEST + 1; a < PP_SENDER_DOMAIN; a++)
			g_assert_cmpstr(get(request, a), ==,
			                strcmp(attribute_info(a)->name, names[i]) == 0 ? names[i] : NULL);
		g_assert_cmpstr(request_get_named(request, names[i], NULL), ==, names[i]);
		request_unref(request);
	}
}

static void test_pool(void)
{
	struct request *requests[100];
	g_autofree char *value = g_strnfill(30000, 'x');
	g_autofree char *bytes = g_strdup_printf("request=smtpd_access_policy\nbig=%s\n\n", value);

	for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
		requests[i] = request_new(pool);
		g_assert_null(request_parse(requests[i], bytes, strlen(bytes)));
		g_assert_cmpuint(requests[i]->bytes_size, >=, strlen(bytes));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(requests); i++)
		request_unref(requests[i]);
	requests[0] = request_new(pool);
	g_assert_cmpuint(requests[0]->bytes_size, <=, 8192);
	g_assert_true(request_ref(requests[0]) == requests[0]);
	request_unref(requests[0]);
	g_assert_cmpint(requests[0]->refs, ==, 1);
	request_unref(requests[0]);
	request_unref(NULL);
}

int main(int argc, char **argv)
{
	int result;

	g_test_init(&argc, &argv, NULL);
	pool = request_pool_new();
	g_test_add_func(
	        "/request/values are as sent, absent and empty ones are NULL, the first of doubles counts",
	        test_values);
	g_test_add_func("/request/lines keep all that was sent, in order", test_lines);
	g_test_add_func("/request/an address has a domain in lower case and a local part", test_addresses);
	g_test_add_func("/request/a derived attribute cannot be sent", test_sent_derived);
	g_test_add_func("/request/the null sender is there once MAIL FROM was", test_null_sender);
	g_test_add_func("/request/a number is digits only", test_numbers);
	g_test_add_func("/request/what is wrong is said", test_wrong);
	g_test_add_func("/request/128 attributes and 65536 bytes are the most", test_limits);
	g_test_add_func("/request/pairs cannot make lines of their own", test_pairs);
	g_test_add_func("/request/a recycled request is empty", test_recycled);
	g_test_add_func("/request/names may change from request to request", test_changed_names);
	g_test_add_func("/request/big buffers are given back", test_pool);
	result = g_test_run();
	request_pool_free(pool);
	return result;
}
