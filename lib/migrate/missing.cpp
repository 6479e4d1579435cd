#include "migrate/missing.hpp"

#include <utility>

namespace carillon::migrate {

namespace {

constexpr std::pair<std::string_view, missing_option> table[] = {
    {"http_api.insecure", {fate::missing, "back ends show a key: api_key"}},
    {"http_api.error_mode",
     {fate::differs, "X-Centrifugo-Error-Mode: transport in a request does it for that request"}},
    {"http_api", {fate::missing, "the API is at /api on the control port"}},
    {"grpc_api", {fate::missing, "back ends use HTTP or a Redis client"}},
    {"admin", {fate::differs, "admin_password has 12 bytes or more; the page is /admin on the control port"}},
    {"prometheus", {fate::differs, "always there: /metrics on the control port; the metrics have other names"}},
    {"health", {fate::differs, "always there: /livez and /readyz"}},
    {"swagger", {fate::missing, "proto/ has the description of the API"}},
    {"debug", {fate::missing, "there are no profiles over HTTP"}},
    {"client.insecure",
     {fate::missing, "clients without a token may do what namespaces say; dev = true is for development"}},
    {"client.insecure_skip_token_signature_verify", {fate::missing, "signatures are always checked"}},
    {"client.disallow_anonymous_connection_tokens",
     {fate::missing, "a token without a user is one of the anonymous user"}},
    {"client.expired_sub_close_delay", {fate::differs, "client_expired_close_delay_s is for both"}},
    {"client.presence_update_interval", {fate::differs, "it is known without being asked for"}},
    {"client.channel_position", {fate::differs, "a gap cannot come unseen: each channel has one order"}},
    {"client.concurrency", {fate::differs, "commands of one connection are carried out in their order"}},
    {"client.connection_rate_limit", {fate::differs, "accept_wait_ms and work_pool bound what newcomers cost"}},
    {"client.user_id_http_header", {fate::missing, "ask the application: [[proxy]] with event = [\"connect\"]"}},
    {"client.token", {fate::missing, "an audience and an issuer are compared as they are"}},
    {"client.subscription_token",
     {fate::missing, "there are no such keys: subscription tokens have those of connections"}},
    {"channel.proxy", {fate::missing, "no [[proxy]] uses it"}},
    {"channel", {fate::missing, "names of channels are made of :, # , and $ as by default"}},
    {"rpc.namespaces", {fate::missing, "all calls go to one [[proxy]] with event = [\"rpc\"]"}},
    {"rpc", {fate::missing, "all calls go to one [[proxy]] with event = [\"rpc\"]"}},
    {"proxy.binary_encoding", {fate::missing, "payloads are JSON"}},
    {"engine.redis.tls", {fate::missing, "say it with rediss:// in bus, bus_tls_ca_file and others of bus_tls_"}},
    {"engine.redis.prefix", {fate::missing, "say it with bus_prefix; what is kept begins anew"}},
    {"engine.redis", {fate::missing, "there is no such option for the bus"}},
    {"broker.redis.tls", {fate::missing, "say it with rediss:// in bus, bus_tls_ca_file and others of bus_tls_"}},
    {"broker.redis.prefix", {fate::missing, "say it with bus_prefix; what is kept begins anew"}},
    {"client.token.hmac_previous", {fate::missing, "put both secrets into a JWK Set: token_public_key_files"}},
    {"client.subscribe_to_user_personal_channel", {fate::missing, "there is no such option"}},
    {"engine", {fate::missing, "the bus is inside of the process, or a Redis"}},
    {"broker.nats.allow_wildcards", {fate::missing, "say it with wildcard of each [[namespace]] that has them"}},
    {"broker", {fate::missing, "the bus is inside of the process, or a Redis"}},
    {"presence_manager", {fate::differs, "who is there is known where the bus is"}},
    {"http_server.tls", {fate::missing, "say it with tls_certificate_files and tls_key_files"}},
    {"http_server.http3", {fate::missing, "clients connect over HTTP/1.1"}},
    {"http_server", {fate::missing, "there is no such option"}},
    {"websocket.compression", {fate::missing, "say it with websocket_compression"}},
    {"websocket.handler_prefix", {fate::missing, "clients connect at /connection/websocket"}},
    {"websocket.disabled", {fate::missing, "say it with client_transports"}},
    {"websocket", {fate::differs, "buffers are those of work_pool and read_buffer_bytes"}},
    {"sse", {fate::differs, "always there; client_transports says which ways in there are"}},
    {"http_stream", {fate::differs, "always there; client_transports says which ways in there are"}},
    {"webtransport", {fate::missing, "clients connect with WebSocket"}},
    {"emulation", {fate::differs, "always there; client_transports says which ways in there are"}},
    {"uni_websocket", {fate::differs, "always there; client_transports says which ways in there are"}},
    {"uni_sse", {fate::differs, "always there; client_transports says which ways in there are"}},
    {"uni_http_stream", {fate::differs, "always there; client_transports says which ways in there are"}},
    {"uni_grpc", {fate::missing, "clients connect with an SDK of both directions"}},
    {"consumers", {fate::missing, "back ends publish with the API or a Redis client"}},
    {"log.file", {fate::differs, "the log goes to standard error"}},
    {"node", {fate::missing, "a gateway has no name"}},
    {"graphite", {fate::missing, "metrics are for Prometheus: /metrics"}},
    {"opentelemetry", {fate::missing, "there are no traces"}},
    {"usage_stats", {fate::differs, "nothing is ever sent to anybody"}},
    {"pid_file", {fate::missing, "let the service manager know it"}},
    {"shutdown", {fate::missing, "there is no such option"}},
    {"push_notifications", {fate::missing, "there are none"}},
};

} // namespace

missing_option why_missing(std::string_view path) noexcept {
    const std::pair<std::string_view, missing_option>* best = nullptr;
    for (const auto& each : table)
        if (path.starts_with(each.first) && (best == nullptr || each.first.size() > best->first.size())) best = &each;
    return best == nullptr ? missing_option{fate::missing, "there is no such option"} : best->second;
}

} // namespace carillon::migrate
