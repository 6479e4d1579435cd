#include "config/option.hpp"

#include <algorithm>

namespace carillon::config {
namespace {

// A key is its member's name; a duration's key also names the unit that texts are in.
#define PLACE(member) #member, &settings::member
#define PLACE_MS(member) #member "_ms", &settings::member

constexpr owners both = owners::both, gateway = owners::gateway;

constexpr std::size_t minute = 60'000, hour = 60 * minute;
constexpr std::size_t kib = 1024, mib = 1024 * kib;

constexpr std::string_view files = "Configuration", listening = "Listening", machine = "Machine", clients = "Clients",
                           admission = "Admission", encryption = "TLS", tokens = "Tokens", streams = "Streams",
                           bus = "Bus", upstream = "Bus upstream", control = "Control", server_api = "Server API",
                           events = "Events", admin = "Admin page", logging = "Log";

constexpr option table[] = {
    {PLACE(config), both, files, 0, 4096, "",
     "TOML file to read. It can set every option but this one; environment and flags replace what it says."},

    {PLACE(client_listen), gateway, listening, 0, 0, "",
     "Where clients connect with WebSocket. The default is every address of both families, IPv4 and IPv6; with "
     "development mode it is localhost:8000."},
    {PLACE(control_listen), both, listening, 0, 0, "",
     "Where health checks, metrics and the server API are answered. Keep it away from the public network. With "
     "development mode the default is localhost:9000."},
    {PLACE(bus_listen), both, listening, 0, 0, "",
     "Where publishers connect with a Redis client. Off: no bus door. Anyone who reaches it may publish, unless "
     "there is a bus password."},
    {PLACE(listen_backlog), both, listening, 1, 65'535, "connections",
     "Connections the kernel keeps for each listener until they are accepted; more are dropped and tried again by "
     "their clients. The kernel lowers it to net.core.somaxconn."},

    {PLACE(shards), both, machine, 0, 256, "shards",
     "Event loops, each with a thread of its own. 0: as many as the processors the cgroup allows, as the work pool "
     "has leases, and as there may be connections."},
    {PLACE(pin_shards), both, machine, 0, 0, "",
     "Keeps each shard's thread on a processor of its own, one after another of those that the process may use. For "
     "machines, and for containers with a cpuset, whose processors nothing else uses."},
    {PLACE(work_pool), both, machine, 1, 65'536, "leases",
     "Connections that are read at the same time, in all shards together; each needs a buffer. Others wait their "
     "turn. Where it is not given and there are more shards, there is a lease for each of them."},
    {PLACE(read_buffer_bytes), both, machine, 4 * kib, mib, "bytes",
     "Size of a lease's buffer. What does not fit is read in parts."},
    {PLACE_MS(accept_wait), both, machine, 1, 1'000, "milliseconds",
     "How long a new connection may wait for a lease before it stays in the kernel's backlog."},
    {PLACE(connections_max), both, machine, 0, 16'000'000, "connections",
     "Client connections open at once; one more is answered with 503 and closed. 0: as many as the limit on file "
     "descriptors allows, less some for the bus door, and 16000000 at most."},
    {PLACE_MS(shutdown_timeout), both, machine, 0, hour, "milliseconds",
     "Time for the last connections to say goodbye at the shutdown. Those that are still open then are cut."},
    {PLACE_MS(drain_delay), both, machine, 0, hour, "milliseconds",
     "How long connections are still accepted after SIGTERM, while /readyz already says 503: until the load "
     "balancer knows."},
    {PLACE_MS(drain_window), both, machine, 0, hour, "milliseconds",
     "Time over which the closes of all clients are spread evenly after that, so that they do not all come back at "
     "once. With development mode the default is 0."},
    {PLACE(upgrade_socket), gateway, machine, 0, 107, "",
     "Path of a unix socket where a new process can take over from this one: its listeners, and its clients with their "
     "connections. Only the same user may. Without it nobody can."},
    {PLACE_MS(upgrade_timeout), gateway, machine, 100, 10 * minute, "milliseconds",
     "How long clients may wait while that happens. Then nothing comes of it, and the old process goes on."},
    {PLACE_MS(turn_time), both, machine, 1, 1'000, "milliseconds",
     "How long a shard goes on with what it has found to do before it looks what else there is. Who has more to do "
     "then waits for the next turn, in line."},
    {PLACE(deliveries_per_turn), both, machine, 1, 1'048'576, "sends",
     "Sends to subscribers in one turn of a shard; one carries all that was published to a channel together. The "
     "rest is sent in the turns after it."},
    {PLACE(deliveries_waiting_max), both, machine, 1, 16'777'216, "sends",
     "Sends to subscribers that wait in a shard. While there are more, whoever publishes there waits and is not "
     "read; nothing is lost. One publication may go beyond it: to all its subscribers."},
    {PLACE(delivery_bytes_waiting_max), both, machine, 64 * kib, 1'024 * mib, "bytes",
     "The same in bytes, of frames that all their receivers share."},
    {PLACE(farewells_max), both, machine, 1, 4'096, "connections",
     "Connections over a limit that have had their answer and are waited for, a second at most, so that it reaches "
     "them: on each door of each shard. One more closes the oldest."},

    {PLACE(dev), gateway, clients, 0, 0, "",
     "For development only: anonymous connections, every origin, and a demo page on the client port. All ports are "
     "on loopback unless their addresses are given."},
    {PLACE(allowed_origins), gateway, clients, 0, 1024, "patterns",
     "Web pages that may connect, as patterns like https://*.example.com. A browser from another origin is refused "
     "with 403; a client that sends no Origin is not a browser and may connect."},
    {PLACE(client_transports), gateway, clients, 1, 6, "transports",
     "Which ways in there are: websocket; sse and http_stream, for clients whose network lets no WebSocket through; "
     "uni_websocket, uni_sse and uni_http_stream, for clients that only listen. The others are 404."},
    {PLACE(client_emulations_waiting_max), gateway, clients, 1, 1'000'000, "requests",
     "What clients of sse and http_stream say, each by a request of its own, and that waits for their shard. "
     "Further ones are refused with 503."},
    {PLACE(probes_on_client_port), gateway, clients, 0, 0, "",
     "Answers /livez and /readyz on the client port, too, for balancers that probe the port that they send clients "
     "to."},
    {PLACE(client_head_bytes_max), gateway, clients, kib, 64 * kib, "bytes",
     "Largest head of a request. A larger one is refused with 431, or with 414 if it is all one request line."},
    {PLACE(client_head_fields_max), gateway, clients, 16, 250, "fields",
     "Header fields of one request. More are refused with 431."},
    {PLACE(client_message_bytes_max), gateway, clients, kib, 16 * mib, "bytes",
     "Largest message a client may send. A larger one closes the connection with 1009."},
    {PLACE(websocket_compression), gateway, clients, 0, 0, "",
     "Compresses messages on WebSockets (permessage-deflate) for clients that offer it. A publication is compressed "
     "once for all of them; a connection keeps nothing for it."},
    {PLACE(websocket_compression_bytes_min), gateway, clients, 1, 16 * mib, "bytes",
     "Shorter messages go out as they are, also where compression is agreed upon."},
    {PLACE(websocket_compression_level), gateway, clients, 1, 9, "steps",
     "How much time is spent on compression: from 1, quick, to 9, small."},
    {PLACE(client_commands_per_message_max), gateway, clients, 1, 65'536, "commands",
     "Commands in one message. More close the connection with 3501."},
    {PLACE(client_outbox_bytes_max), gateway, clients, 4 * kib, 256 * mib, "bytes",
     "Bytes queued for a client that reads slowly. More close the connection with 3008."},
    {PLACE(client_subscriptions_max), gateway, clients, 1, 65'536, "channels",
     "Channels one client may be subscribed to. The next subscribe is answered with error 106."},
    {PLACE(wildcards_max), gateway, clients, 0, 1'000'000, "names",
     "Different wildcards, like news:sport.*, of the clients of a shard. One more is answered with error 106."},
    {PLACE(client_channel_bytes_max), both, clients, 1, 1'023, "bytes",
     "Longest channel name. A longer one is answered with error 107, on the bus door with an error."},
    {PLACE_MS(client_handshake_timeout), gateway, clients, 100, 10 * minute, "milliseconds",
     "Time for the whole upgrade request to arrive. Then the connection is closed, with 408 if a part has come."},
    {PLACE_MS(client_connect_timeout), gateway, clients, 100, 10 * minute, "milliseconds",
     "Time from the upgrade to the connect command. Then the connection is closed with 3502."},
    {PLACE_MS(client_ping_interval), gateway, clients, 100, hour, "milliseconds",
     "Time between two pings to a client."},
    {PLACE_MS(client_pong_timeout), gateway, clients, 100, hour, "milliseconds",
     "Time for the answer to a ping, less than the ping interval. Then the connection is closed with 3012."},
    {PLACE_MS(client_close_timeout), both, clients, 0, minute, "milliseconds",
     "Time for a client to answer our Close frame. Then its socket is closed all the same. On the bus door: time to "
     "read what was sent before the connection ends."},

    {PLACE(proxy_protocol), gateway, admission, 0, 0, "",
     "Each connection to the client port begins with a PROXY header (version 1 or 2), before TLS, that says whose "
     "it is. One that begins otherwise is closed. Only for ports that nobody reaches but through such a proxy, or "
     "with trusted_proxies."},
    {PLACE(trusted_proxies), gateway, admission, 0, 256, "networks",
     "Proxies that are believed when they say whose connection they bring: addresses, networks like 10.0.0.0/8 or "
     "2001:db8::/32, and unix for who comes over a unix socket. With the PROXY protocol, others are closed."},
    {PLACE(trusted_proxy_headers), gateway, admission, 1, 3, "fields",
     "Fields in which trusted proxies say it, X-Forwarded-For, Forwarded or X-Real-IP; the first that a request has "
     "counts. Name only those that your proxies write: others come from anybody, through them."},
    {PLACE(handshakes_per_second_max), gateway, admission, 0, 10'000'000, "connections a second",
     "New connections in all, in each second. One more is answered with 503 and Retry-After, or closed where TLS is "
     "spoken. 0: any number."},
    {PLACE(address_handshakes_per_second_max), gateway, admission, 0, 1'000'000, "connections a second",
     "The same for each address; of IPv6, for the first 64 bits. Proxies that are trusted have no limit of their "
     "own. 0: any number."},
    {PLACE(address_connections_max), gateway, admission, 0, 16'000'000, "connections",
     "Connections that one address has at once; one more is answered as above. 0: any number."},
    {PLACE(addresses_max), gateway, admission, 64, 16'777'216, "addresses",
     "Addresses that are remembered for these two limits, of up to 80 bytes each. Who comes from others is let in, "
     "uncounted."},
    {PLACE(memory_percent_max), gateway, admission, 0, 100, "percent",
     "Memory in use, of what the cgroup allows (memory.max), above which new connections are answered with 503 and "
     "/readyz says 503, until it is two percent less. 0, or no such limit: any."},
    {PLACE(client_commands_per_second_max), gateway, admission, 0, 1'000'000, "commands a second",
     "Commands of one client in a second, its connect and pongs apart. Further ones are answered with error 111, "
     "and after as many again it is closed with 3013. 0: any number."},

#include "config/options_tls.def"

    {PLACE(anonymous), gateway, tokens, 0, 0, "",
     "Clients without a token may connect, as the user with the empty name. What they may do is for the namespaces "
     "to say."},
    {PLACE(token_hmac_secret), gateway, tokens, 0, 4096, "",
     "Secret that HS256, HS384 and HS512 tokens are signed with; 32 bytes or more. Other users see flags: better "
     "use the environment or the file below."},
    {PLACE(token_hmac_secret_file), gateway, tokens, 0, 4096, "",
     "File that holds this secret, for mounted secrets; a newline at its end is ignored. Not together with the "
     "secret itself."},
    {PLACE(token_public_key_files), gateway, tokens, 0, 32, "files",
     "Files of the keys that tokens may be signed with: public keys as PEM (RS256, RS384, RS512, PS256, ES256, "
     "ES384, ES512, EdDSA by the kind of key), or a JWK or JWK Set, which may also hold secrets. Several keys, so "
     "that they can be changed."},
    {PLACE(subscription_token_hmac_secret), gateway, tokens, 0, 4096, "",
     "The same secret for subscription tokens. If any key is given for those, no other is good for them."},
    {PLACE(subscription_token_hmac_secret_file), gateway, tokens, 0, 4096, "",
     "File that holds the secret of subscription tokens."},
    {PLACE(subscription_token_public_key_files), gateway, tokens, 0, 32, "files",
     "Files of the keys that subscription tokens may be signed with."},
    {PLACE(token_jwks_url), gateway, tokens, 0, 2048, "",
     "Where the public keys are that tokens may be signed with, as a JWK Set: http or https, without a password. "
     "They are added to those above, and fetched anew in time and when a token names a key that is not known."},
    {PLACE(subscription_token_jwks_url), gateway, tokens, 0, 2048, "", "The same for subscription tokens."},
    {PLACE(token_jwks_ca_file), gateway, tokens, 0, 4096, "",
     "File of the certificates, as PEM, that the servers of these URLs are trusted by. None: the system's."},
    {PLACE_MS(token_jwks_timeout), gateway, tokens, 10, minute, "milliseconds",
     "Time for such a set to be fetched. Clients whose token names an unknown key wait for it meanwhile."},
    {PLACE(token_jwks_refresh_min_s), gateway, tokens, 1, 86'400, "seconds",
     "Shortest time until the keys are fetched anew, whatever Cache-Control says."},
    {PLACE(token_jwks_refresh_max_s), gateway, tokens, 1, 604'800, "seconds",
     "Longest time until the keys are fetched anew, and that where Cache-Control has no max-age."},
    {PLACE(token_jwks_refetch_min_s), gateway, tokens, 1, 3'600, "seconds",
     "Shortest time between two fetches because of unknown keys, or after one that failed: anybody can make up keys."},
    {PLACE(token_jwks_bytes_max), gateway, tokens, kib, 16 * mib, "bytes", "Largest set of keys that is fetched."},
    {PLACE(token_audience), gateway, tokens, 0, 1024, "", "Must be among a token's `aud`. None: it is not looked at."},
    {PLACE(token_issuer), gateway, tokens, 0, 1024, "", "Must be a token's `iss`. None: it is not looked at."},
    {PLACE(token_user_claim), gateway, tokens, 1, 256, "", "The claim that names the user."},
    {PLACE(token_cookie), gateway, tokens, 0, 256, "",
     "Cookie of the upgrade request that may hold a connection's token, for clients that show none in `connect`; "
     "their own and an Authorization: Bearer come first. None: no cookie does."},
    {PLACE(token_query), gateway, tokens, 0, 256, "",
     "Parameter of the upgrade request's query that may hold it. Queries are in the logs of proxies: better use "
     "another way. None: no parameter does."},
    {PLACE(token_leeway_s), gateway, tokens, 0, 3'600, "seconds",
     "How far apart the clocks of who makes tokens and of this machine may be."},
    {PLACE(token_bytes_max), gateway, tokens, 256, 64 * kib, "bytes", "Longest token. A longer one is refused unread."},
    {PLACE(token_memory_bytes_max), gateway, tokens, 0, 1'024 * mib, "bytes",
     "Memory in each shard for tokens that were found good, for each of the two kinds, so that who comes back costs "
     "no signature check. 0: none."},
    {PLACE(client_expired_close_delay_s), gateway, tokens, 0, 3'600, "seconds",
     "How long a client or a subscription may outlive its token, so that there is time to show another one. Then "
     "the connection is closed with 3005, or the subscription ended with 2501."},

    {PLACE(user_connections_max), gateway, tokens, 0, 1'000'000, "connections",
     "Connections that one user may have to this process at once; one more is closed with 3504, after which SDKs do "
     "not come back. The anonymous user is not meant. 0: any number."},
    {PLACE(personal_channel), gateway, tokens, 0, 0, "",
     "Subscribes every client that has a user, when it connects, to a channel of this user: # and the user's ID."},
    {PLACE(personal_channel_namespace), gateway, tokens, 0, 255, "",
     "The namespace of these channels: personal gives personal:#42. None: they have none."},

    {PLACE(stream_memory_bytes_max), gateway, streams, mib, 1'024 * 1'024 * mib, "bytes",
     "Memory for the streams of all channels together. Over it, the channels that were published to least recently "
     "lose what is kept of them, and who comes back to them is told that it has missed something."},
    {PLACE(history_publications_max), gateway, streams, 1, 10'000, "publications",
     "Publications in one answer: of a history, or of what a client has missed. Who has missed more gets none of "
     "it, and is told so."},
    {PLACE(history_bytes_max), gateway, streams, kib, 64 * mib, "bytes",
     "Bytes of the payloads in one such answer. A page of a history then has fewer publications."},
    {PLACE(idempotency_keys_max), gateway, streams, 1, 16'777'216, "keys",
     "Idempotency keys of publishers that each shard remembers; then the oldest is forgotten."},
    {PLACE(idempotency_ttl_s), gateway, streams, 1, 86'400, "seconds", "How long an idempotency key is remembered."},

    {PLACE(presence_clients_max), gateway, streams, 1, 1'000'000, "clients",
     "Clients in one answer that says who is in a channel. Where there are more, the answer is error 106, and their "
     "number can still be asked for."},
    {PLACE(join_leave_clients_max), gateway, streams, 0, 1'000'000, "clients",
     "Clients in a channel up to which its subscribers are told who comes and goes. In a larger one, each coming "
     "would be told to all of them: it is counted, and told to nobody."},
    {PLACE(join_leave_waiting_max), gateway, streams, 0, 16'777'216, "clients",
     "Clients that have left and of whom that is not told yet, in each shard; of more it is told at once."},
    {PLACE(delta_memory_bytes_max), gateway, streams, 0, 1'024 * mib, "bytes",
     "Memory for what deltas are made of, all channels together. Over it, publications go whole."},
    {PLACE(channel_filters_max), gateway, streams, 1, 4'096, "filters",
     "Different filters of one channel, in each shard. Who asks for one more gets error 106."},

#include "config/options_bus.def"
#include "config/options_wires.def"

    {PLACE(control_connections_max), both, control, 1, 65'536, "connections",
     "Connections on the control door, and as many again for pages asked of the client port. More are closed at "
     "once."},
    {PLACE_MS(control_request_timeout), both, control, 100, 10 * minute, "milliseconds",
     "Time for a request to arrive, and again for its answer to leave. Then the connection is closed."},
    {PLACE_MS(livez_stall), both, control, 1'000, 10 * minute, "milliseconds",
     "Time in which each shard must get something done; a shard with nothing to do does, too. Then /livez answers "
     "503 until it goes on."},

    {PLACE(admin_password), gateway, admin, 0, 512, "",
     "What an operator gives to the admin page, /admin on the control port; 12 bytes or more. None: there is no "
     "such page. Other users see flags: better use the environment or the file below."},
    {PLACE(admin_password_file), gateway, admin, 0, 4096, "",
     "File that holds this password, for mounted secrets; a newline at its end is ignored. Not together with the "
     "password."},
    {PLACE(admin_behind_proxy), gateway, admin, 0, 0, "",
     "Offers the admin page without a password: for who has a proxy before it that lets in operators only. Whoever "
     "reaches the control port otherwise is one, too. Not together with a password."},
    {PLACE(admin_session_s), gateway, admin, 60, 604'800, "seconds",
     "How long a login is good. At most 32 are open; one more ends the oldest. Passwords are looked at five in a "
     "row, and then one every two seconds; others are answered with 429."},

    {PLACE(api_key), gateway, server_api, 0, 512, "",
     "What back ends send in X-API-Key to use the server API on the control port. None: there is no server API. "
     "Other users see flags: better use the environment or the file below."},
    {PLACE(api_key_file), gateway, server_api, 0, 4096, "",
     "File that holds the key, for mounted secrets, or several keys, one a line, each as good as the others. Not "
     "together with the key."},
    {PLACE(api_on_client_port), gateway, server_api, 0, 0, "",
     "Answers the server API on the client port, too: for tools that expect it beside the WebSocket. Each "
     "connection there is for one request."},
    {PLACE(api_body_bytes_max), gateway, server_api, kib, 256 * mib, "bytes",
     "Largest body of a request. A larger one is answered with 413."},
    {PLACE(api_broadcast_channels_max), gateway, server_api, 1, 1'000'000, "channels",
     "Channels of one broadcast. More are answered with 400."},
    {PLACE(api_batch_commands_max), gateway, server_api, 1, 100'000, "commands",
     "Commands of one batch. More are answered with 400."},
    {PLACE(api_channels_max), gateway, server_api, 1, 1'000'000, "channels",
     "Channels in one answer that lists them. The answer says where to go on when there are more."},
    {PLACE(api_connections_max), gateway, server_api, 1, 100'000, "connections",
     "Connections in one answer that lists them. The answer says where to go on when there are more."},

    {PLACE(events_batch_max), gateway, events, 1, 10'000, "events",
     "Events in one request to the application. As soon as so many wait, they are sent."},
    {PLACE_MS(events_wait), gateway, events, 1, minute, "milliseconds",
     "How long an event waits for others that are sent with it."},
    {PLACE(events_waiting_max), gateway, events, 1, 16'777'216, "events",
     "Events that wait for the application, for each proxy; one of more than 512 bytes counts as several. Of more "
     "the oldest are dropped, which the application can see."},
    {PLACE_MS(events_retry), gateway, events, 0, hour, "milliseconds",
     "How long a batch that the application does not take is sent again, at growing intervals. Then it is dropped, "
     "which the application can see."},

    {PLACE(log_refusals_per_s_max), gateway, logging, 0, 1'000, "lines a second",
     "Lines that tell, in each shard, of clients that were refused, or disconnected for what they did, with address "
     "and reason; and as many of messages of an external bus that were too large. More are counted, and the next "
     "line says how many."},
    {PLACE(log_level), both, logging, 0, 0, "", "The least important messages that are written."},
    {PLACE(log_format), both, logging, 0, 0, "",
     "Lines of words for people, or one JSON object per line for programs."},
    {PLACE(log_queue_bytes_max), both, logging, 4 * kib, 64 * mib, "bytes",
     "Lines that wait for whoever reads the log. More are dropped and counted; nothing else waits for the log."},
};

#undef PLACE
#undef PLACE_MS

} // namespace

std::span<const option> options() { return table; }

const option* find_option(std::string_view key) {
    const auto* found =
        std::find_if(std::begin(table), std::end(table), [&](const auto& row) { return row.key == key; });
    return found == std::end(table) ? nullptr : found;
}

} // namespace carillon::config
