#include "migrate/flat_names.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace carillon::migrate {

namespace {

using names = std::pair<std::string_view, std::string_view>;

constexpr names whole[] = {
    {"address", "http_server.address"},
    {"port", "http_server.port"},
    {"internal_address", "http_server.internal_address"},
    {"internal_port", "http_server.internal_port"},
    {"tls", "http_server.tls.enabled"},
    {"tls_cert", "http_server.tls.cert_pem_file"},
    {"tls_key", "http_server.tls.key_pem_file"},
    {"http3", "http_server.http3.enabled"},
    {"name", "node.name"},
    {"log_level", "log.level"},
    {"log_file", "log.file"},
    {"allowed_origins", "client.allowed_origins"},
    {"separate_subscription_token_config", "client.subscription_token.enabled"},
    {"allow_anonymous_connect_without_token", "client.allow_anonymous_connect_without_token"},
    {"disallow_anonymous_connection_tokens", "client.disallow_anonymous_connection_tokens"},
    {"ping_interval", "client.ping_interval"},
    {"pong_timeout", "client.pong_timeout"},
    {"user_subscribe_to_personal", "client.subscribe_to_user_personal_channel.enabled"},
    {"user_personal_channel_namespace", "client.subscribe_to_user_personal_channel.personal_channel_namespace"},
    {"user_personal_single_connection", "client.subscribe_to_user_personal_channel.single_connection"},
    {"api_key", "http_api.key"},
    {"api_insecure", "http_api.insecure"},
    {"api_error_mode", "http_api.error_mode"},
    {"grpc_api", "grpc_api.enabled"},
    {"admin", "admin.enabled"},
    {"prometheus", "prometheus.enabled"},
    {"health", "health.enabled"},
    {"swagger", "swagger.enabled"},
    {"debug", "debug.enabled"},
    {"engine", "engine.type"},
    {"broker", "broker.type"},
    {"presence_manager", "presence_manager.type"},
    {"namespaces", "channel.namespaces"},
    {"rpc_namespaces", "rpc.namespaces"},
    {"proxy_http_headers", "proxy.http_headers"},
    {"proxy_static_http_headers", "proxy.static_http_headers"},
    {"proxy_include_connection_meta", "proxy.include_connection_meta"},
    {"proxy_binary_encoding", "proxy.binary_encoding"},
    {"connect_proxy_name", "client.connect_proxy_name"},
    {"refresh_proxy_name", "client.refresh_proxy_name"},
    {"rpc_proxy_name", "rpc.without_namespace.proxy_name"},
    {"global_history_meta_ttl", "channel.history_meta_ttl"},
    {"history_meta_ttl", "channel.history_meta_ttl"},
    {"sse", "sse.enabled"},
    {"http_stream", "http_stream.enabled"},
    {"webtransport", "webtransport.enabled"},
    {"uni_websocket", "uni_websocket.enabled"},
    {"uni_sse", "uni_sse.enabled"},
    {"uni_http_stream", "uni_http_stream.enabled"},
    {"uni_grpc", "uni_grpc.enabled"},
    {"usage_stats_disable", "usage_stats.disabled"},
};

// In the order in which they are tried.
constexpr names beginnings[] = {
    {"subscription_token_", "client.subscription_token."},
    {"token_", "client.token."},
    {"client_", "client."},
    {"proxy_connect_", "client.proxy.connect."},
    {"proxy_refresh_", "client.proxy.refresh."},
    {"proxy_subscribe_stream_", "channel.proxy.subscribe_stream."},
    {"proxy_subscribe_", "channel.proxy.subscribe."},
    {"proxy_publish_", "channel.proxy.publish."},
    {"proxy_sub_refresh_", "channel.proxy.sub_refresh."},
    {"proxy_rpc_", "rpc.proxy."},
    {"channel_", "channel."},
    {"redis_", "engine.redis."},
    {"nats_", "broker.nats."},
    {"admin_", "admin."},
    {"grpc_api_", "grpc_api."},
    {"websocket_", "websocket."},
    {"uni_websocket_", "uni_websocket."},
    {"shutdown_", "shutdown."},
    {"tls_", "http_server.tls."},
};

constexpr std::string_view of_channels[] = {
    "presence",
    "join_leave",
    "force_push_join_leave",
    "history_size",
    "history_ttl",
    "force_recovery",
    "force_recovery_mode",
    "allow_recovery",
    "force_positioning",
    "allow_positioning",
    "allow_subscribe_for_client",
    "allow_subscribe_for_anonymous",
    "allow_publish_for_subscriber",
    "allow_publish_for_client",
    "allow_publish_for_anonymous",
    "allow_history_for_subscriber",
    "allow_history_for_client",
    "allow_history_for_anonymous",
    "allow_presence_for_subscriber",
    "allow_presence_for_client",
    "allow_presence_for_anonymous",
    "allow_user_limited_channels",
    "channel_regex",
    "delta_publish",
    "allowed_delta_types",
    "proxy_subscribe",
    "proxy_publish",
    "proxy_sub_refresh",
    "proxy_subscribe_stream",
    "subscribe_proxy_name",
    "publish_proxy_name",
    "sub_refresh_proxy_name",
    "subscribe_stream_proxy_name",
};

} // namespace

bool is_channel_option(std::string_view name) { return std::ranges::find(of_channels, name) != std::end(of_channels); }

std::string path_of_flat(std::string_view name) {
    if (is_channel_option(name)) return "channel.without_namespace." + std::string{name};
    if (const auto* found = std::ranges::find(whole, name, &names::first); found != std::end(whole))
        return std::string{found->second};
    for (const auto& [old, now] : beginnings)
        if (name.starts_with(old)) return std::string{now} + std::string{name.substr(old.size())};
    return std::string{name};
}

} // namespace carillon::migrate
