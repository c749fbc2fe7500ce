---@meta
-- ppolicyd.d.lua - what rule files have, for editors with the Lua language server
-- Made by `ppolicyd --generate editor`; do not edit.

---Made only by dunno(), reject() and the others
---@class pp.Action

---@alias pp.Rule fun(req: pp.Request): pp.Action

---@class pp.Request
---Kind of request, always smtpd_access_policy
---@field request? string
---CONNECT, EHLO, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE, VRFY or ETRN
---@field protocol_state? string
---SMTP or ESMTP
---@field protocol_name? string
---Name the client gave with HELO or EHLO
---@field helo_name? string
---Queue id, once Postfix has one
---@field queue_id? string
---Envelope sender; the null sender is the empty text
---@field sender? string
---Envelope recipient
---@field recipient? string
---Accepted recipients, at DATA and END-OF-MESSAGE only
---@field recipient_count? integer
---IP address of the SMTP client
---@field client_address? string
---Verified name of the SMTP client, or unknown
---@field client_name? string
---Name found for the client's address, not verified, or unknown
---@field reverse_client_name? string
---Ties the requests of one message together from RCPT on
---@field instance? string
---SASL mechanism used
---@field sasl_method? string
---SASL login name
---@field sasl_username? string
---AUTH= parameter of MAIL FROM
---@field sasl_sender? string
---Message size in bytes: declared, at END-OF-MESSAGE real
---@field size? integer
---Subject of the verified client certificate
---@field ccert_subject? string
---Issuer of the verified client certificate
---@field ccert_issuer? string
---Fingerprint of the client certificate, not verified
---@field ccert_fingerprint? string
---TLS protocol, such as TLSv1.3
---@field encryption_protocol? string
---TLS cipher
---@field encryption_cipher? string
---TLS session key size in bits
---@field encryption_keysize? integer
---Argument of ETRN
---@field etrn_domain? string
---yes while Postfix is under stress
---@field stress? string
---Fingerprint of the client's public key, not verified
---@field ccert_pubkey_fingerprint? string
---TCP port of the SMTP client
---@field client_port? integer
---policy_context= of check_policy_service
---@field policy_context? string
---IP address the client connected to
---@field server_address? string
---TCP port the client connected to
---@field server_port? integer
---Postfix's compatibility_level
---@field compatibility_level? string
---Postfix's version
---@field mail_version? string
---Server name the client asked for in TLS
---@field tls_sni? string
---Domain of sender, in lower case
---@field sender_domain? string
---What stands before the last @ of sender
---@field sender_localpart? string
---Domain of recipient, in lower case
---@field recipient_domain? string
---What stands before the last @ of recipient
---@field recipient_localpart? string
---Address it came to, as written in listen()
---@field listener string
---Who connected, or whom the PROXY header names
---@field peer string
---An attribute by name; never fails
---@field attribute fun(self: pp.Request, name: string): string|integer|nil

---@class pp.server
---Name of this server, first part of each id; the host's name without its domain if not given
---@field name? string
---User to run as when started as root; listeners are bound before, modules loaded after
---@field user? string
---How long one request may take; open asks are unknown after it (from 10ms to 90s; default "10s")
---@field deadline? string
---Event-loop threads; 0 is one a processor, at most 4 (from 0 to 64; default 0)
---@field loops? integer
---Path of the control socket that ppolicyctl talks to; control.sock in the state folder if not
---given
---@field control? string
---Folders with modules, before the installed one
---@field modules? string|string[]
---Names of Postfix's smtpd_restriction_classes that restriction() may give
---@field restriction_classes? string|string[]
---What is answered where a rule fails or ends without an action (default dunno())
---@field on_error? pp.Action|"close"

---The server as a whole
---@param settings pp.server
function server(settings) end

---@class pp.cache
---Memory for kept answers; the oldest make room (from 1M to 1024G; default "64M")
---@field memory? string

---Kept answers
---@param settings pp.cache
function cache(settings) end

---@class pp.log
---Where log lines go (default "stderr")
---@field to? "stderr"|"syslog"
---The least important lines that are written; info has one line a request (default "info")
---@field level? "error"|"warning"|"notice"|"info"|"debug"

---@class pp.store
---The database; ppolicyd.db in the state folder if not given, and made if it is not there
---@field path? string
---What survives: with normal all that was committed survives the end of the server, with full a
---power cut too, and each commit waits for the disk (default "normal")
---@field synchronous? "normal"|"full"
---Most kept answers in it, of checks with keep_in = "store"; the oldest make room (from 1000 to
---1000000000; default 1000000)
---@field answers? integer
---Name of a further database, which is only read; its path must be given, and the file be there, or
---its hosts
---@field name? string
---mysql: hosts of one database, tried in this order, such as "db1", "192.0.2.1:3307",
---"[2001:db8::1]" or "unix:/run/mysqld/mysqld.sock"; one that is read-only is for reading
---@field hosts? string|string[]
---mysql: who we are there (from 1 to 80 bytes; default "ppolicyd")
---@field user? string
---mysql: file with the user's password in its one line, which others may not read; without it none
---is sent
---@field password_file? string
---mysql: name of the database, which is there already (from 1 to 64 bytes; default "ppolicyd")
---@field database? string
---mysql: connections over TCP are encrypted, or not made. In it are ca, file of the authorities
---that may vouch for a host; verify = false, if any host will do; cert and key, files of our own
---certificate, if the database asks for one
---@field tls? table
---mysql: how long connecting and an answer may take; a statement is ended by the server after three
---quarters of it. Best is less than the timeout of checks (from 1s to 60s; default "2s")
---@field timeout? string

---The database for what lasts, such as greylisting; what stands first, without a name, is its kind:
---"sqlite", or "mysql" for MySQL and MariaDB. Made again with a name of its own, it is a database
---that lists are read from. It is opened if a check uses it
---@param settings pp.store
function store(settings) end

---@class pp.dns
---Addresses of resolvers, such as "127.0.0.1", "192.0.2.1:5353" or "[2001:db8::1]:53"; those of the
---system if not given. Best is a resolver on this machine that keeps answers
---@field servers? string|string[]
---How long a server may take at the first try; at each further one twice as long (from 10ms to 30s;
---default "500ms")
---@field timeout? string
---How often each server is asked (from 1 to 10; default 2)
---@field tries? integer

---Look-ups in DNS
---@param settings pp.dns
function dns(settings) end

---@class pp.proxy
---Networks of the proxies: only they may connect, and nobody if not given. For a unix socket it is
---"unix": who may open it is believed
---@field networks? string|string[]
---How long a proxy may take until its header is whole (from 10ms to 90s; default "3s")
---@field timeout? string

---@class pp.listen
---Permissions of a unix socket, such as "0660"
---@field mode? string
---Owner of a unix socket
---@field owner? string
---Group of a unix socket
---@field group? string
---Networks that may connect over TCP; loopback only if not given. With proxy: networks of the
---clients that it names; all if not given
---@field allow? string|string[]
---Actions of the permit class that rules of this listener may give: ok, filter, redirect, bcc,
---discard, restriction
---@field may? string|string[]
---Postfix gets DUNNO, and the log says what the rule said (default false)
---@field observe? boolean
---How long one request may take, instead of the server's deadline (from 10ms to 90s)
---@field deadline? string
---Connections at a time; those over it get the overload action and are closed (from 1 to 1000000;
---default 10000)
---@field max_connections? integer
---The same for those of one address, which with proxy is the one that the header names; no limit if
---not given (from 1 to 1000000)
---@field max_peer_connections? integer
---What is answered where a rule of this listener fails (default the server's)
---@field on_error? pp.Action|"close"
---What is answered where there are too many connections (default dunno())
---@field overload? pp.Action|"close"
---Clients are proxies, and send a PROXY header first
---@field proxy? pp.proxy

---@class pp.delegate.Parameters
---The servers, each a text "NAME=ADDRESS:PORT[:PRIORITY[:WEIGHT[:TIMEOUT]]]" or a table { name =,
---address =, priority =, weight =, timeout =, backup =, send_proxy = } (required)
---@field servers table
---What action() gives when no server answered (required)
---@field default pp.Action
---Names of the actions that action() hands on; any other becomes DUNNO. Those of the permit class
---(ok, filter, redirect, bcc, discard, restriction) must also stand in may of the listen() (default
---{ "dunno", "reject", "reply", "defer", "defer_if_permit", "defer_if_reject", "prepend", "warn",
---"info", "hold" })
---@field actions? string|string[]
---An action leaves as it came: no enhanced code is added to it, and no id (default false)
---@field verbatim? boolean
---Attribute by which requests stay on one server, such as instance: those of one message
---@field stick? string
---When the next server is asked: where the request was not sent, as no connection could be made; or
---also where it was and no answer came, so that two servers may count it (default "unsent")
---@field retry? "unsent"|"unanswered"
---Attributes of which kept answers depend; without it none is kept
---@field keep_key? string|string[]
---How long connecting to a server may take, within its timeout (from 10ms to 90s; default "1s")
---@field connect? string
---How often each server is checked; "0s" is never, and then a request now and then tries one that
---is down (of at most 1h; default "2s")
---@field inter? string
---The same while a server is about to go down or to come up (from 10ms to 1h; default "500ms")
---@field fastinter? string
---Good checks in a row that bring a server up (from 1 to 100 checks; default 2)
---@field rise? integer
---Failed checks in a row, or requests in a row without an answer in time, that take it down (from 1
---to 100 checks; default 3)
---@field fall? integer
---Failed requests in a row, of whatever kind, that take it down (from 1 to 10000 requests; default
---10)
---@field error_limit? integer
---Attributes of the request that checks send, in place of those of a client that only connects
---@field probe? table
---How long an unused connection is kept; "0s" is not at all (of at most 1h; default "30s")
---@field idle? string
---Unused connections that are kept to each server, in each event loop (from 0 to 10000 connections;
---default 64)
---@field pool? integer
---How long one ask may take; the answer is unknown after it (from 1ms to 90s; default "9s")
---@field timeout? string
---How long an answer is good: a duration, or one by word, such as { found = "1h", unknown = "10s"
---}; "0s" is not kept; a duration alone does not keep unknown, and words not named keep the
---module's default (default "0s")
---@field keep? string|table
---How much longer a kept answer serves when its source fails (of at most 30d; default "0s")
---@field stale? string
---Name of the check in logs and commands, if not that of the global it is assigned to
---@field name? string

---@class pp.delegate.Answer
---It could not be found out
---@field unknown boolean
---The question does not apply, or nobody answers it
---@field none boolean
---It lets the mail pass: DUNNO, OK, RELAY
---@field passed boolean
---It refuses, for now or for good: 4NN, 5NN, REJECT, DEFER, DEFER_IF_PERMIT, DEFER_IF_REJECT
---@field refused boolean
---It says something else: HOLD, PREPEND, WARN, a restriction, ...
---@field other boolean
---@field word "unknown"|"none"|"passed"|"refused"|"other"
---What there is to say about it, for the log and for replies
---@field text string
---@field from "asked"|"memory"|"store"|"stale"
---The first word of the server's action, in capitals if Postfix knows it: DUNNO, 450
---@field verb? string
---What stands behind it
---@field verb_text string
---Name of the server that answered
---@field server string
---Its address, as it was configured
---@field address string
---How many servers were asked
---@field tries integer
---How long all of that took, in milliseconds
---@field delay string
---Priority of the server
---@field priority integer
---Weight of the server
---@field weight integer
---Requests it got so far
---@field queries integer
---Those it answered
---@field answers integer
---Those it did not
---@field failed integer
---The server's action as it came
---@field raw string
---The action to return: what was said, handed on; called as answer:action()
---@field action fun(self: pp.delegate.Answer): pp.Action

---What does another policy server say?
---@alias pp.delegate.Check fun(req: pp.Request): pp.delegate.Answer

---@class pp.dnsbl.Parameters
---The lists: names of zones, ["zone"] = points, or ["zone"] = { weight = 5, replies = { ... },
---subject = "...", self_test = false }; points may be negative (required)
---@field zones table
---What is looked up in lists that do not say it themselves: client_address, client_name, helo_name,
---sender_domain, recipient_domain, or several (default "client_address")
---@field subject? string|string[]
---Points from which on the answer is listed (of points; default 1)
---@field threshold? number
---Look up what the lists that have it say of it (TXT), for the field reason (default false)
---@field reason? boolean
---How long, when the word is certain, the lists still missing are waited for, so that score and
---lists are whole (of at most 30s; default "100ms")
---@field linger? string
---How often each list is tested (RFC 5782); "0s": never (of at most 1d; default "10m")
---@field self_test? string
---How long one ask may take; the answer is unknown after it (from 1ms to 90s; default "5s")
---@field timeout? string
---How long an answer is good: a duration, or one by word, such as { found = "1h", unknown = "10s"
---}; "0s" is not kept; a duration alone does not keep unknown, and words not named keep the
---module's default (default "1h")
---@field keep? string|table
---How much longer a kept answer serves when its source fails (of at most 30d; default "1h")
---@field stale? string
---Where answers are kept: in memory, or in the store as well (default "memory")
---@field keep_in? "memory"|"store"
---Name of the check in logs and commands, if not that of the global it is assigned to
---@field name? string

---@class pp.dnsbl.Answer
---It could not be found out
---@field unknown boolean
---The question does not apply, or nobody answers it
---@field none boolean
---The points reach the threshold, whatever lists that are missing may say
---@field listed boolean
---They stay below it, whatever lists that are missing may say
---@field clean boolean
---@field word "unknown"|"none"|"listed"|"clean"
---What there is to say about it, for the log and for replies
---@field text string
---@field from "asked"|"memory"|"store"|"stale"
---Sum of the points of the lists that answered
---@field score number
---Zones that have it, with blanks between; nil: none has
---@field lists? string
---Labels of the replies that came, with blanks between; nil: none
---@field labels? string
---Zones that did not answer, or were not waited for, with blanks between; nil: none
---@field missing? string
---What the lists say of it, in printable ASCII; nil where they say nothing
---@field reason? string

---Is the client, or a domain it names, on lists in DNS?
---@alias pp.dnsbl.Check fun(req: pp.Request): pp.dnsbl.Answer

---@class pp.dynamic_host.Parameters
---File of the patterns, read anew when it changes; the one that was installed with the module if
---not given
---@field patterns? string
---Attribute that has the name, such as helo_name; if not given client_name, and reverse_client_name
---where Postfix could not confirm that
---@field attribute? string
---How long one ask may take; the answer is unknown after it (from 1ms to 90s; default "5s")
---@field timeout? string
---How long an answer is good: a duration, or one by word, such as { found = "1h", unknown = "10s"
---}; "0s" is not kept; a duration alone does not keep unknown, and words not named keep the
---module's default (default "0s")
---@field keep? string|table
---How much longer a kept answer serves when its source fails (of at most 30d; default "0s")
---@field stale? string
---Where answers are kept: in memory, or in the store as well (default "memory")
---@field keep_in? "memory"|"store"
---Name of the check in logs and commands, if not that of the global it is assigned to
---@field name? string

---@class pp.dynamic_host.Answer
---It could not be found out
---@field unknown boolean
---The question does not apply, or nobody answers it
---@field none boolean
---The name looks as names of dynamically assigned addresses do
---@field dynamic boolean
---It does not, or it says that it is none
---@field static boolean
---@field word "unknown"|"none"|"dynamic"|"static"
---What there is to say about it, for the log and for replies
---@field text string
---@field from "asked"|"memory"|"store"|"stale"
---Name that was judged, in lower case
---@field name? string
---What the file says of the entry that decided; nothing if none did
---@field reason? string
---Part of the name that it matched
---@field evidence? string
---Line of the entry in the file, 0 if none matched
---@field line integer

---Does the client's name look like that of a dynamic address?
---@alias pp.dynamic_host.Check fun(req: pp.Request): pp.dynamic_host.Answer

---@class pp.example.Parameters
---Longest HELO name that passes for normal (from 1 to 255 characters; default 64)
---@field limit? integer
---How long one ask may take; the answer is unknown after it (from 1ms to 90s; default "5s")
---@field timeout? string
---How long an answer is good: a duration, or one by word, such as { found = "1h", unknown = "10s"
---}; "0s" is not kept; a duration alone does not keep unknown, and words not named keep the
---module's default (default "0s")
---@field keep? string|table
---How much longer a kept answer serves when its source fails (of at most 30d; default "0s")
---@field stale? string
---Where answers are kept: in memory, or in the store as well (default "memory")
---@field keep_in? "memory"|"store"
---Name of the check in logs and commands, if not that of the global it is assigned to
---@field name? string

---@class pp.example.Answer
---It could not be found out
---@field unknown boolean
---The question does not apply, or nobody answers it
---@field none boolean
---Yes
---@field long boolean
---No
---@field normal boolean
---@field word "unknown"|"none"|"long"|"normal"
---What there is to say about it, for the log and for replies
---@field text string
---@field from "asked"|"memory"|"store"|"stale"
---Length of the HELO name
---@field length integer

---Is the HELO name suspiciously long?
---@alias pp.example.Check fun(req: pp.Request): pp.example.Answer

---@class pp.greylist.Parameters
---How long a new triplet waits (of at least 1s; default "5m")
---@field delay? string
---Until when, from its first time on, a triplet must have come back; a later one waits anew (of at
---least 1m; default "2d")
---@field retry_window? string
---How long a triplet that passed is known after its last mail (of at least 1m; default "35d")
---@field life? string
---How long a triplet that passed is answered from memory, before the database hears of it again (of
---at most 1d; default "10m")
---@field refresh? string
---So many different triplets of a client that passed within 30 days let its other mail pass at
---once; 0 = never (from 0 to 20 triplets; default 5)
---@field client_after? integer
---Length of the network that is a client of IPv4; 32 = the address itself (from 8 to 32 bits;
---default 24)
---@field ipv4_prefix? integer
---Length of the network that is a client of IPv6 (from 16 to 128 bits; default 64)
---@field ipv6_prefix? integer
---Characters of which each begins an address extension; empty for none (default "+")
---@field extension? string
---Greylist mail of the null sender too; false: the answer is none (default true)
---@field null_sender? boolean
---Table of the database (default "greylist")
---@field table? string
---Rows of the table above which the oldest ones are deleted, waiting ones first (of at least 100
---rows; default 1000000)
---@field max_rows? integer
---How long one ask may take; the answer is unknown after it (from 1ms to 90s; default "5s")
---@field timeout? string
---Name of the check in logs and commands, if not that of the global it is assigned to
---@field name? string

---@class pp.greylist.Arguments
---Domain that is the client, such as the one SPF vouches for; goes before the others
---@field domain? string
---What is the client in place of client_address: an address, of which the network is taken, or any
---other text
---@field client? string

---@class pp.greylist.Answer
---It could not be found out
---@field unknown boolean
---The question does not apply, or nobody answers it
---@field none boolean
---Yes
---@field pass boolean
---No
---@field wait boolean
---@field word "unknown"|"none"|"pass"|"wait"
---What there is to say about it, for the log and for replies
---@field text string
---@field from "asked"|"memory"|"store"|"stale"
---Why: new, early (it waits still), expired (it came too late and waits anew); passed, client
---(others of the client passed), postmaster
---@field reason? string
---How long it still waits
---@field wait_seconds integer
---When it was seen first, in seconds since 1970; 0 for postmaster
---@field first_seen integer
---How often it has passed, this time included; 0 for postmaster
---@field passes integer

---May this mail pass, or is it to wait for a while?
---@alias pp.greylist.Check fun(req: pp.Request, args?: pp.greylist.Arguments): pp.greylist.Answer

---@class pp.list.Parameters
---Text file with an entry a line; read anew when it changes
---@field file? string
---Entries in place of a file: texts, and ["key"] = what is said of it
---@field inline? table
---Table of a database, whose column is searched; it is only read
---@field table? string
---Column of the table that holds the entries; or several, one for each attribute, which have to fit
---together in one row
---@field column? string|string[]
---SELECT in place of a table: its result is not empty if :value, or the attributes it names
---(:sender), are on the list; without either its first column has all entries
---@field query? string
---Table of ours in the store, made if it is not there; entries come and go with `ppolicyctl list
---add` and `remove`
---@field managed? string
---Name of the store { name = ... } that has the table; the store itself if not given
---@field store? string
---Read all of the table this often, instead of looking up each value; where it has to be read whole
---and this is not given, every 5m, a managed one every 10s (from 1s to 30d)
---@field refresh? string
---How long what was read is good while it cannot be read again; then answers are unknown (from 1s
---to 365d; default "1h")
---@field max_age? string
---How to search: the whole value, the smallest network that holds it, a mail address, a domain with
---its subdomains, the first pattern that matches (default "exact")
---@field search? "exact"|"cidr"|"mail"|"domain"|"regex"
---Attribute to search where the ask has no argument value; of several the first that is on the list
---counts; those that query names if not given
---@field attribute? string|string[]
---Take upper and lower case of ASCII as the same in exact and regex too (default false)
---@field ignore_case? boolean
---Let an entry example.org stand for its subdomains in mail too (default false)
---@field subdomains? boolean
---Characters of which each begins an address extension in mail; empty for none (default "+")
---@field extension? string
---Names for the words behind the key: name=word goes to its field, the other words to the fields
---that are left, in order; of a database, names of columns
---@field fields? string|string[]
---How long one ask may take; the answer is unknown after it (from 1ms to 90s; default "5s")
---@field timeout? string
---How long an answer is good: a duration, or one by word, such as { found = "1h", unknown = "10s"
---}; "0s" is not kept; a duration alone does not keep unknown, and words not named keep the
---module's default (default "0s")
---@field keep? string|table
---How much longer a kept answer serves when its source fails (of at most 30d; default "0s")
---@field stale? string
---Where answers are kept: in memory, or in the store as well (default "memory")
---@field keep_in? "memory"|"store"
---Name of the check in logs and commands, if not that of the global it is assigned to
---@field name? string

---@class pp.list.Arguments
---Value to search in place of the attribute
---@field value? string

---@class pp.list.Answer
---It could not be found out
---@field unknown boolean
---The question does not apply, or nobody answers it
---@field none boolean
---Yes
---@field found boolean
---No
---@field absent boolean
---@field word "unknown"|"none"|"found"|"absent"
---What there is to say about it, for the log and for replies
---@field text string
---@field from "asked"|"memory"|"store"|"stale"
---All that stands behind the key, of a database the next column; nil where nothing does
---@field value? string
---Entry that matched
---@field key? string
---Line of the entry in the file, 0 in an inline table
---@field line integer
---@field [string] string?

---Is the value on the list?
---@alias pp.list.Check fun(req: pp.Request, args?: pp.list.Arguments): pp.list.Answer

---@class pp.resolve.Parameters
---Attribute that has the address or the name; of a mail address its domain (required)
---@field attribute string
---What has to be found from there, step by step (required)
---@field path "ip->name"|"ip->name->ip"|"ip1->name->ip2"|"ip->name->mx"|"name->ip"|"name->ip->name"|"name1->ip->name2"|"name->mx"|"name->mx->ip"
---Take a name without MX records as its own mail host if it has an address (RFC 5321 5.1) (default
---true)
---@field implicit_mx? boolean
---Addresses that do not count where any would do, such as "127.0.0.0/8"
---@field ignore? string|string[]
---How many names of an address, addresses of a name or mail hosts are looked up further; if there
---are more, and none of these decides, the answer is unknown (from 1 to 30; default 10)
---@field limit? integer
---How long one ask may take; the answer is unknown after it (from 1ms to 90s; default "5s")
---@field timeout? string
---How long an answer is good: a duration, or one by word, such as { found = "1h", unknown = "10s"
---}; "0s" is not kept; a duration alone does not keep unknown, and words not named keep the
---module's default (default "1h")
---@field keep? string|table
---How much longer a kept answer serves when its source fails (of at most 30d; default "0s")
---@field stale? string
---Where answers are kept: in memory, or in the store as well (default "memory")
---@field keep_in? "memory"|"store"
---Name of the check in logs and commands, if not that of the global it is assigned to
---@field name? string

---@class pp.resolve.Answer
---It could not be found out
---@field unknown boolean
---The question does not apply, or nobody answers it
---@field none boolean
---DNS leads to the end of the path
---@field holds boolean
---DNS says that it does not
---@field fails boolean
---@field word "unknown"|"none"|"holds"|"fails"
---What there is to say about it, for the log and for replies
---@field text string
---@field from "asked"|"memory"|"store"|"stale"
---found; or what the step that got furthest came to: nxdomain, nodata, null_mx, ignored, mismatch
---@field status? string
---Name that lets the path hold: of an address its name, else the one that was asked for; in lower
---case
---@field name? string
---Names found for addresses, with spaces between
---@field names? string
---Addresses found for names, with spaces between
---@field addresses? string
---Mail hosts found for names, with spaces between, the preferred ones first
---@field hosts? string

---Does DNS lead from the address or name to what it should?
---@alias pp.resolve.Check fun(req: pp.Request): pp.resolve.Answer

---@class pp.sleep.Parameters
---How long to sleep; the timeout must be longer (from 1ms to 90s; default "5s")
---@field time? string
---How many may sleep at a time; one more is unknown at once (from 1 to 100000 asks; default 1000)
---@field most? integer
---How long one ask may take; the answer is unknown after it (from 1ms to 90s; default "1m")
---@field timeout? string
---Name of the check in logs and commands, if not that of the global it is assigned to
---@field name? string

---@class pp.sleep.Answer
---It could not be found out
---@field unknown boolean
---The question does not apply, or nobody answers it
---@field none boolean
---The time is over
---@field done boolean
---@field word "unknown"|"none"|"done"
---What there is to say about it, for the log and for replies
---@field text string
---@field from "asked"|"memory"|"store"|"stale"

---Has the request waited for a while?
---@alias pp.sleep.Check fun(req: pp.Request): pp.sleep.Answer

---@class pp.spf.Parameters
---What is checked: the domain of the sender (mail_from; of the null sender the HELO name), or the
---HELO name (helo) (default "mail_from")
---@field identity? "mail_from"|"helo"
---What evaluates records: our own code (strict), or the library libspf2 behind checks of ours
---(default "strict")
---@field engine? "strict"|"libspf2"
---Clients that are not checked, since they hand on mail of others: trusted relays, backup MX
---@field skip? string|string[]
---Name of this host in header fields and explanations; the system's if not given
---@field receiver? string
---Look up the explanation of a fail, if the domain has one (default true)
---@field explain? boolean
---How long one ask may take; the answer is unknown after it (from 1ms to 90s; default "20s")
---@field timeout? string
---How long an answer is good: a duration, or one by word, such as { found = "1h", unknown = "10s"
---}; "0s" is not kept; a duration alone does not keep unknown, and words not named keep the
---module's default (default "10m")
---@field keep? string|table
---How much longer a kept answer serves when its source fails (of at most 30d; default "0s")
---@field stale? string
---Where answers are kept: in memory, or in the store as well (default "memory")
---@field keep_in? "memory"|"store"
---Name of the check in logs and commands, if not that of the global it is assigned to
---@field name? string

---@class pp.spf.Answer
---It could not be found out
---@field unknown boolean
---The question does not apply, or nobody answers it
---@field none boolean
---The domain permits the client
---@field pass boolean
---The domain says that the client may not send its mail
---@field fail boolean
---The same, but the domain is not sure of it
---@field softfail boolean
---The domain does not say
---@field neutral boolean
---The domain's records are wrong
---@field permerror boolean
---@field word "unknown"|"none"|"pass"|"fail"|"softfail"|"neutral"|"permerror"
---What there is to say about it, for the log and for replies
---@field text string
---@field from "asked"|"memory"|"store"|"stale"
---The result, as the RFC names it: the word, but 'temperror' for unknown
---@field result string
---Domain that permits the client, in lower case; nothing unless it passes
---@field domain? string
---What was checked; helo for the null sender, too
---@field identity? string
---Mechanism that matched, as it stands in the record; 'default': none did
---@field mechanism? string
---What the domain says of a fail, in printable ASCII; nothing if it says nothing
---@field explanation? string
---Terms that made look-ups; 10 are allowed
---@field lookups integer
---Header field for the mail (RFC 7208 9.1); nothing if nothing was checked
---@field received_spf? string
---Header field for the mail (RFC 8601); nothing if nothing was checked
---@field authentication_results? string

---May the client send mail of this domain?
---@alias pp.spf.Check fun(req: pp.Request): pp.spf.Answer

---@class pp.Checks
---What does another policy server say?
---@field delegate fun(parameters: pp.delegate.Parameters): pp.delegate.Check
---Is the client, or a domain it names, on lists in DNS?
---@field dnsbl fun(parameters: pp.dnsbl.Parameters): pp.dnsbl.Check
---Does the client's name look like that of a dynamic address?
---@field dynamic_host fun(parameters: pp.dynamic_host.Parameters): pp.dynamic_host.Check
---Is the HELO name suspiciously long?
---@field example fun(parameters: pp.example.Parameters): pp.example.Check
---May this mail pass, or is it to wait for a while?
---@field greylist fun(parameters: pp.greylist.Parameters): pp.greylist.Check
---Is the value on the list?
---@field list fun(parameters: pp.list.Parameters): pp.list.Check
---Does DNS lead from the address or name to what it should?
---@field resolve fun(parameters: pp.resolve.Parameters): pp.resolve.Check
---Has the request waited for a while?
---@field sleep fun(parameters: pp.sleep.Parameters): pp.sleep.Check
---May the client send mail of this domain?
---@field spf fun(parameters: pp.spf.Parameters): pp.spf.Check
---@field [string] fun(parameters: table): function
check = {}

---No opinion: Postfix goes on with its next restriction
---@param text? string
---@return pp.Action
function dunno(text) end

---Refuses for good; the code is 5.X.Y, such as "5.7.1"
---@param code? string
---@param text? string
---@return pp.Action
function reject(code, text) end

---Refuses for now; the code is 4.X.Y
---@param code? string
---@param text? string
---@return pp.Action
function defer(code, text) end

---Refuses for now if nothing later refuses for good; the code is 4.X.Y
---@param code? string
---@param text? string
---@return pp.Action
function defer_if_permit(code, text) end

---Refuses for now if something later would refuse for good; the code is 4.X.Y
---@param code? string
---@param text? string
---@return pp.Action
function defer_if_reject(code, text) end

---Refuses with a reply code of its own, such as "521 5.7.1"
---@param codes string
---@param text? string
---@return pp.Action
function reply(codes, text) end

---Puts the mail on hold in the queue
---@param text? string
---@return pp.Action
function hold(text) end

---Puts a header before the mail, such as "X-Checked: yes"
---@param header string
---@return pp.Action
function prepend(header) end

---Writes a warning to Postfix's log, no more
---@param text? string
---@return pp.Action
function warn(text) end

---Writes a line to Postfix's log, no more
---@param text? string
---@return pp.Action
function info(text) end

---Permits: what stands behind it in Postfix's restrictions is not asked
---@param text? string
---@return pp.Action
function ok(text) end

---Hands the mail to a content filter, TRANSPORT:DESTINATION
---@param destination string
---@return pp.Action
function filter(destination) end

---Sends the mail to this address in place of its recipients
---@param address string
---@return pp.Action
function redirect(address) end

---Sends a copy to this address
---@param address string
---@return pp.Action
function bcc(address) end

---Takes the mail and throws it away
---@param text? string
---@return pp.Action
function discard(text) end

---Goes on with a restriction of Postfix's, such as "reject_unverified_sender"
---@param name string
---@return pp.Action
function restriction(name) end

---Serves requests at inet:HOST:PORT, inet:[V6]:PORT or unix:PATH with a rule
---@param address string
---@param rule pp.Rule
---@param options? pp.listen
function listen(address, rule, options) end

---A rule of rules: the value of the attribute chooses one; a value without a rule gives on_error
---@param attribute string
---@param rules table<string, pp.Rule>
---@return pp.Rule
function route(attribute, rules) end

---Loads another file in this place; its path is relative to this one's
---@param file string
function include(file) end

---Seconds since 1970; with a format such as "%H:%M" the local time as text
---@param format? string
---@return number|string
function now(format) end

---Adds key=value to the request's line in the log
---@param key string
---@param value string|number|boolean|nil
function note(key, value) end

---Writes a line to the log; with a table it is the setting
---@param text string|pp.log
function log(text) end

---Runs a test at once; kept and given answers start anew in each
---@param sentence string
---@param body fun()
function test(sentence, body) end

---From now on these checks, by name, are not asked: they answer this word, or { word, field = value
---}
---@param answers table<string, string|table>
function answers(answers) end

---From now on DNS has these records, written "NAME TYPE" = record, or { record, ..., ttl = "5m",
---after = "100ms" }, or { fault = "servfail" } for what is no answer: nxdomain, nodata, servfail,
---refused, timeout, unreachable, broken, too_large. Types are A, AAAA, MX ("10 mail.example.org"),
---PTR, TXT, NS; before PTR an address may stand; a fault needs no type. Nothing else is there:
---tests ask no server
---@param records table<string, string|table>
function given_dns(records) end

---Runs the rule, else that of the first listen(), and compares its action: with a text such as
---"dunno" or "reject 5.7.1", which may go on differently, or exactly with an action made; "error"
---and a part of the message expects the rule to fail. Attributes that are not given are those of a
---usual request in state RCPT
---@param action string|pp.Action
---@param request table<string, string|integer>
---@param rule? pp.Rule
function expect(action, request, rule) end

---Asks a check for real and returns its answer
---@param check function
---@param request table<string, string|integer>
---@param arguments? table
---@return table
function ask(check, request, arguments) end

---Fails, showing both, if two values differ; tables are compared by content
---@param got any
---@param want any
---@param what? string
function equal(got, want, what) end

---Fails, showing both, if the text does not contain the part
---@param text string
---@param part string
function contains(text, part) end

---Expects that a check or setting made in the function is refused, with a message that contains the
---part
---@param part string
---@param body fun()
function refused(part, body) end

---Turns the clock forward by a duration; nothing takes real time
---@param length string
function after(length) end

---Writes a file in a temporary folder of the test and returns its path
---@param name string
---@param text string
---@return string
function write(name, text) end
