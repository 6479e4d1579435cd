#pragma once

#include "channels/name_space.hpp"
#include "config/api_key.hpp"
#include "config/proxy.hpp"
#include "endpoints/address.hpp"
#include "endpoints/redis_address.hpp"

#include <boost/describe/enum.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace carillon::config {

using endpoints::address;
using endpoints::redis_address;

/// From the most talkative to silence; a message is written if its level is not below the chosen one.
BOOST_DEFINE_FIXED_ENUM_CLASS(log_level, std::uint8_t, trace, debug, info, warn, error, critical, off)

/// One line of words, or one JSON object per line.
BOOST_DEFINE_FIXED_ENUM_CLASS(log_format, std::uint8_t, text, json)

/// Everything Carillon's programs can be told, with its defaults. Made by `load`, which has checked every range and how
/// the values fit together; not changed afterwards. What each option means is in config/options.cpp and
/// docs/configuration.md.
struct settings {
    std::string config; // where the rest may come from; empty: no file

    // Where to listen
    address client_listen{"::", 8000}; // with `dev`, unless they are given, both are on localhost
    address control_listen{"::", 9000};
    std::optional<address> bus_listen{address{"127.0.0.1", 6390}}; // none: no bus door, as with an external bus

    // The machine
    std::size_t shards = 0;      // 0: shards_of() says how many
    bool pin_shards = false;     // each to a processor of its own
    std::size_t work_pool = 128; // leases, in all shards together; `load` makes it more for more shards
    std::chrono::milliseconds accept_wait{1};
    std::size_t listen_backlog = 4096;
    std::size_t connections_max = 0; // 0: what the limit on file descriptors allows
    std::size_t read_buffer_bytes = 16'384;
    std::chrono::milliseconds shutdown_timeout{10'000};
    std::chrono::milliseconds drain_delay{0};
    std::chrono::milliseconds drain_window{5'000}; // with `dev`, unless it is given, 0
    std::string upgrade_socket;                    // empty: no process can take over
    std::chrono::milliseconds upgrade_timeout{10'000};
    std::chrono::milliseconds turn_time{10};
    std::size_t deliveries_per_turn = 512;
    std::size_t deliveries_waiting_max = 16'384;
    std::size_t delivery_bytes_waiting_max = 16'777'216;
    std::size_t farewells_max = 16; // on each door of each shard

    // Clients
    bool dev = false;
    std::vector<std::string> allowed_origins;
    std::vector<std::string> client_transports{"websocket",     "sse",     "http_stream",
                                               "uni_websocket", "uni_sse", "uni_http_stream"};
    std::size_t client_emulations_waiting_max = 4096;
    bool probes_on_client_port = true;
    std::size_t client_head_bytes_max = 8192;
    std::size_t client_head_fields_max = 64;
    std::size_t client_message_bytes_max = 65'536;
    bool websocket_compression = false;
    std::size_t websocket_compression_bytes_min = 512;
    std::size_t websocket_compression_level = 1;
    std::size_t client_outbox_bytes_max = 1'048'576;
    std::size_t client_subscriptions_max = 128;
    std::size_t wildcards_max = 1024;
    std::size_t client_channel_bytes_max = 255;
    std::size_t client_commands_per_message_max = 1024;
    std::chrono::milliseconds client_handshake_timeout{10'000};
    std::chrono::milliseconds client_connect_timeout{10'000};
    std::chrono::milliseconds client_ping_interval{25'000};
    std::chrono::milliseconds client_pong_timeout{8'000};
    std::chrono::milliseconds client_close_timeout{5'000};

    // Who comes in: whose address counts, and how many may come
    bool proxy_protocol = false;
    std::vector<std::string> trusted_proxies; // networks, or "unix"; none: nobody speaks for others
    std::vector<std::string> trusted_proxy_headers{"X-Forwarded-For", "Forwarded", "X-Real-IP"};
    std::size_t handshakes_per_second_max = 0; // 0: any number, here as below
    std::size_t address_handshakes_per_second_max = 0;
    std::size_t address_connections_max = 0;
    std::size_t addresses_max = 65'536;
    std::size_t memory_percent_max = 0; // of the cgroup's limit; 0: it is not looked at
    std::size_t client_commands_per_second_max = 0;

    // TLS: on which ports, and how
    std::vector<std::string> tls_certificate_files; // none: no TLS
    std::vector<std::string> tls_key_files;         // of each of these certificates
    std::vector<std::string> tls_ports;             // client, control, bus; none: the program's main one
    std::string tls_client_ca_file;                 // empty: clients show no certificate
    std::string tls_control_client_ca_file;         // the same on the control port
    std::string tls_bus_client_ca_file;             // and on the bus door
    std::string tls_min_version = "1.2";
    std::size_t tls_handshakes_max = 4'096; // in all shards together

    /// What channels there are and who may do what in them. None, with `dev`: any, and anybody anything. No two have
    /// the same name, and some channel can be in each.
    std::vector<channels::name_space> namespaces;
    /// Who is asked what clients may do. No two are asked the same.
    std::vector<proxy> proxies;

    // Who may come in
    bool anonymous = false;
    std::string token_hmac_secret; // `load` has read the file's into it. Never print it.
    std::string token_hmac_secret_file;
    std::vector<std::string> token_public_key_files;
    std::string subscription_token_hmac_secret; // the same for subscriptions; without keys, those above
    std::string subscription_token_hmac_secret_file;
    std::vector<std::string> subscription_token_public_key_files;
    std::string token_jwks_url;              // where more keys are; empty: nowhere
    std::string subscription_token_jwks_url; // the same for subscriptions
    std::string token_jwks_ca_file;          // empty: the system's
    std::chrono::milliseconds token_jwks_timeout{2'000};
    std::size_t token_jwks_refresh_min_s = 60;
    std::size_t token_jwks_refresh_max_s = 3'600;
    std::size_t token_jwks_refetch_min_s = 10;
    std::size_t token_jwks_bytes_max = 262'144;
    std::string token_audience; // empty: not looked at
    std::string token_issuer;
    std::string token_user_claim = "sub";
    std::string token_cookie; // empty: no cookie holds one
    std::string token_query;  // empty: no parameter holds one
    std::size_t token_leeway_s = 0;
    std::size_t token_bytes_max = 16'384;
    std::size_t token_memory_bytes_max = 4'194'304; // in each shard, for each of the two kinds
    std::size_t client_expired_close_delay_s = 25;
    std::size_t user_connections_max = 0; // of each user; 0: any number
    bool personal_channel = false;
    std::string personal_channel_namespace; // empty: it has none

    // What is kept
    std::size_t stream_memory_bytes_max = 268'435'456; // of all streams together
    std::size_t history_publications_max = 300;        // in one answer
    std::size_t history_bytes_max = 524'288;           // the same
    std::size_t idempotency_keys_max = 65'536;         // in each shard
    std::size_t idempotency_ttl_s = 300;

    // Who is there
    std::size_t presence_clients_max = 1'000;    // in one answer
    std::size_t join_leave_clients_max = 1'000;  // in a channel, for comings and goings to be told
    std::size_t join_leave_waiting_max = 65'536; // in each shard, of those that may come back

    // How subscribers want it
    std::size_t delta_memory_bytes_max = 67'108'864; // of what deltas are of
    std::size_t channel_filters_max = 64;            // different ones of a channel, in each shard

    // The bus
    std::optional<redis_address> bus; // none: the embedded bus. Its password is there whichever option gave it.
    std::string bus_password;         // of the bus door; empty: none is asked for. Never print it.
    std::string bus_password_file;    // `load` has read it into bus_password
    std::size_t bus_connections_max = 10'000;
    std::size_t bus_query_bytes_max = 1'048'576;
    std::size_t bus_arguments_max = 131'072;
    std::size_t bus_subscriptions_max = 100'000;
    std::size_t bus_transaction_commands_max = 4'096;
    std::size_t bus_output_bytes_max = 8'388'608;
    std::size_t bus_payload_bytes_max = 65'536;
    std::chrono::milliseconds bus_auth_timeout{10'000};
    std::size_t bus_keepalive_s = 300; // 0: off

    // The connection to an external bus
    std::chrono::milliseconds bus_connect_timeout{2'000};
    std::chrono::milliseconds bus_reply_timeout{2'000};
    std::chrono::milliseconds bus_ping_interval{1'000};
    std::chrono::milliseconds bus_probe_interval{5'000};
    std::chrono::milliseconds bus_backoff_min{50};
    std::chrono::milliseconds bus_backoff_max{5'000};
    std::chrono::milliseconds bus_linger{1'000};
    std::chrono::milliseconds bus_subscribe_timeout{4'000};
    std::size_t bus_reads_max = 32;
    std::size_t bus_presence_ttl_s = 60;
    std::string bus_prefix = "carillon";
    bool bus_function = true;
    std::size_t bus_orders_max = 256;
    std::chrono::milliseconds bus_order_timeout{2'000};
    std::size_t bus_in_flight_max = 16'384; // publications
    std::size_t bus_upstream_output_bytes_max = 33'554'432;
    std::size_t bus_upstream_input_bytes_max = 33'554'432;
    std::string bus_tls_ca_file; // empty: the system's
    std::string bus_tls_certificate_file;
    std::string bus_tls_key_file;
    std::string bus_tls_server_name; // empty: each host's own
    std::string bus_sentinel_user = "default";
    std::string bus_sentinel_password; // empty: none is given. Never print it.
    std::string bus_sentinel_password_file;
    std::chrono::milliseconds bus_sentinel_interval{10'000};
    std::chrono::milliseconds bus_cluster_interval{10'000};
    std::chrono::milliseconds bus_cluster_pause{500};
    std::size_t bus_cluster_primaries_max = 64;

    // The control door
    std::size_t control_connections_max = 256;
    std::chrono::milliseconds control_request_timeout{5'000};
    std::chrono::milliseconds livez_stall{10'000};

    // The admin page
    std::string admin_password; // empty: none, unless it is behind a proxy. Never print it.
    std::string admin_password_file;
    bool admin_behind_proxy = false; // who comes has logged in there
    std::size_t admin_session_s = 28'800;

    // The server API
    std::string api_key;      // or several, a line each; empty: there is no server API. Never print it.
    std::string api_key_file; // `load` has read it into api_key
    std::vector<carillon::config::api_key> api_keys; // the tables [[api_key]]; no two have the same key
    bool api_on_client_port = false;
    std::size_t api_body_bytes_max = 1'048'576;
    std::size_t api_broadcast_channels_max = 10'000;
    std::size_t api_batch_commands_max = 1'000;
    std::size_t api_channels_max = 10'000;   // in one answer
    std::size_t api_connections_max = 1'000; // the same

    // Events for the application
    std::size_t events_batch_max = 100;
    std::chrono::milliseconds events_wait{100};
    std::size_t events_waiting_max = 16'384;
    std::chrono::milliseconds events_retry{30'000};

    // The log
    std::size_t log_refusals_per_s_max = 5; // in each shard
    carillon::config::log_level log_level = carillon::config::log_level::info;
    carillon::config::log_format log_format = carillon::config::log_format::text;
    std::size_t log_queue_bytes_max = 1'048'576;
};

} // namespace carillon::config
