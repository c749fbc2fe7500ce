/* bench/load_request.c - the requests that load.c sends: those of Postfix 3.7, 29 attributes */
#include "load_request.h"

#include <stdio.h>
#include <string.h>

static const char template[] =
        "request=smtpd_access_policy\n"
        "protocol_state=RCPT\n"
        "protocol_name=ESMTP\n"
        "client_address=@3\n"
        "client_name=mail-out@0.outbound-pool.relay.sender-domain.example.net\n"
        "client_port=5@2\n"
        "reverse_client_name=mail-out@0.outbound-pool.relay.sender-domain.example.net\n"
        "server_address=198.51.100.25\n"
        "server_port=25\n"
        "helo_name=mail-out@0.outbound-pool.relay.sender-domain.example.net\n"
        "sender=user@1@@4\n"
        "recipient=recipient@0@department.example.org\n"
        "recipient_count=0\n"
        "queue_id=\n"
        "instance=6c1a.68a5d3f2.@1.0\n"
        "size=4821398\n"
        "etrn_domain=\n"
        "stress=\n"
        "sasl_method=\n"
        "sasl_username=\n"
        "sasl_sender=\n"
        "ccert_subject=\n"
        "ccert_issuer=\n"
        "ccert_fingerprint=\n"
        "ccert_pubkey_fingerprint=\n"
        "encryption_protocol=TLSv1.3\n"
        "encryption_cipher=TLS_AES_256_GCM_SHA384\n"
        "encryption_keysize=256\n"
        "policy_context=inbound\n"
        "\n";

enum { HUNDREDS = 100, ROTATION = 150, TEXT_SIZE = 80, CLIENTS_MAX = 1 << 17 };

/* What stands for @0 (three digits), @1 (seven), @2 (four), @3 and @4. */
struct blanks {
	unsigned numbers[3];
	char texts[2][TEXT_SIZE]; /* address, domain of the sender */
};

static size_t fill_in(const struct blanks *blanks, char *request)
{
	static const unsigned digits[] = { 3, 7, 4 };
	char *out = request;

	for (const char *in = template; *in != '\0'; in++) {
		if (in[0] != '@' || in[1] < '0' || in[1] > '4') {
			*out++ = *in;
			continue;
		}
		unsigned blank = (unsigned)(*++in - '0');

		if (blank >= 3) {
			out = stpcpy(out, blanks->texts[blank - 3]);
			continue;
		}
		unsigned value = blanks->numbers[blank];

		for (unsigned i = digits[blank]; i-- > 0; value /= 10)
			out[i] = (char)('0' + value % 10);
		out += digits[blank];
	}
	return (size_t)(out - request);
}

/* Networks that follow each other are far from each other; store.py does the same. */
static void network_address(uint32_t network, char address[TEXT_SIZE])
{
	uint32_t spread = network * UINT32_C(2654435761);

	snprintf(address, TEXT_SIZE, "2001:db8:%x:%x::25", spread >> 16 | 0x1000, (spread & 0xffff) | 0x1000);
}

/* Of four triplets of a network, which are so many apart, the one that passed. */
static uint32_t passed_number(const struct requests *requests, uint32_t network)
{
	return network + network % 4 * requests->networks;
}

static uint32_t draw(struct requests *requests)
{
	requests->random ^= requests->random << 13;
	requests->random ^= requests->random >> 7;
	requests->random ^= requests->random << 17;
	return (uint32_t)((requests->random >> 32) * requests->count >> 32);
}

void requests_client(uint32_t number, uint8_t bytes[4])
{
	bytes[0] = 198;
	bytes[1] = (uint8_t)(18 + (number >> 16 & 1));
	bytes[2] = (uint8_t)(number >> 8);
	bytes[3] = (uint8_t)number;
}

/* The number of what is asked about. */
static uint32_t choose_number(struct requests *requests, uint32_t serial)
{
	switch (requests->about) {
	case ABOUT_SENDERS: return requests->count == 0 ? 0 : serial % requests->count;
	case ABOUT_PASSED: return passed_number(requests, draw(requests));
	case ABOUT_EACH: return passed_number(requests, serial);
	case ABOUT_CLIENTS: return serial % requests->count;
	default: return serial;
	}
}

static void write_texts(const struct requests *requests, uint32_t number, struct blanks *blanks)
{
	char *address = blanks->texts[0], *domain = blanks->texts[1];
	uint8_t bytes[4];

	strcpy(domain, "sender-domain.example.net");
	if (requests->about == ABOUT_CLIENTS) {
		requests_client(number, bytes);
		snprintf(address, TEXT_SIZE, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
	} else if (requests->about == ABOUT_SENDERS || requests->about == ABOUT_DOMAINS) {
		snprintf(address, TEXT_SIZE, "192.0.2.%u", blanks->numbers[0]);
	} else {
		network_address(number % requests->networks, address);
	}
	if (requests->about == ABOUT_DOMAINS)
		snprintf(domain, TEXT_SIZE, "n%u.%s", number % requests->count, requests->zone);
}

size_t requests_next(struct requests *requests, char request[REQUEST_MAX])
{
	uint32_t serial = requests->next, number;
	struct blanks blanks;

	if (requests->about == ABOUT_EACH && serial >= requests->count)
		return 0;
	requests->next += requests->step;
	number = choose_number(requests, serial);
	if (requests->about != ABOUT_SENDERS)
		serial = number;
	blanks = (struct blanks){ .numbers = { HUNDREDS + serial % ROTATION, number, 1000 + serial % 9000 } };
	write_texts(requests, number, &blanks);
	return fill_in(&blanks, request);
}
