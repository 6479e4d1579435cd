#include "config/reload.hpp"

#include "base/check.hpp"
#include "config/option.hpp"

#include <algorithm>
#include <array>
#include <variant>

namespace carillon::config {
namespace {

constexpr std::string_view name_spaces = "namespace", proxies = "proxy";

// Not client_ping_interval_ms: clients have been told how often they hear something, and would leave.
constexpr std::array<std::string_view, 33> at_once{
    name_spaces,
    "allowed_origins",
    "anonymous",
    "api_key",
    "api_key_file",
    "bus",
    "bus_password",
    "bus_password_file",
    "bus_sentinel_password",
    "bus_sentinel_password_file",
    "bus_sentinel_user",
    "client_commands_per_message_max",
    "client_connect_timeout_ms",
    "client_expired_close_delay_s",
    "client_handshake_timeout_ms",
    "client_subscriptions_max",
    "drain_delay_ms",
    "drain_window_ms",
    "log_level",
    "shutdown_timeout_ms",
    "subscription_token_hmac_secret",
    "subscription_token_hmac_secret_file",
    "subscription_token_public_key_files",
    "token_audience",
    "token_cookie",
    "token_hmac_secret",
    "token_hmac_secret_file",
    "token_issuer",
    "token_leeway_s",
    "token_public_key_files",
    "token_query",
    "token_user_claim",
    "wildcards_max",
};

// What the thread that talks to a bus outside has its own idea of.
bool concerns_the_bus(const settings& how) {
    return std::ranges::any_of(how.namespaces, [](const auto& each) { return each.history_size > 0 || each.wildcard; });
}

// Whether the bus is where it was. Who logs in there, and with what, may be another.
bool has_same_bus(const settings& now, const settings& wanted) {
    if (!now.bus || !wanted.bus) return !now.bus && !wanted.bus;
    auto there = *wanted.bus;
    there.user = now.bus->user;
    there.password = now.bus->password;
    return there == *now.bus;
}

// The server API has keys, or there is none: that does not change while the program runs.
bool needs_restart(std::string_view key, const settings& now, const settings& wanted) {
    if (key == name_spaces && wanted.bus && (concerns_the_bus(now) || concerns_the_bus(wanted))) return true;
    if (key == "bus") return !has_same_bus(now, wanted);
    if (key == "api_key" || key == "api_key_file") return now.api_key.empty() != wanted.api_key.empty();
    return std::ranges::find(at_once, key) == at_once.end();
}

// The password of `bus` is there whichever option gave it; a change of that option is no other's.
bool is_same(const option& row, const settings& left, const settings& right) {
    if (row.key == "bus" && left.bus && right.bus && left.bus_password != right.bus_password)
        return left.bus->user == right.bus->user && has_same_bus(left, right);
    return std::visit([&](auto member) { return left.*member == right.*member; }, row.target);
}

} // namespace

std::span<const std::string_view> reloadable() { return at_once; }

changes changes_between(const settings& now, const settings& wanted) {
    changes found;
    const auto add = [&](std::string_view key) {
        (needs_restart(key, now, wanted) ? found.after_restart : found.at_once).emplace_back(key);
    };
    for (const option& row : options()) {
        if (!is_same(row, now, wanted)) add(row.key);
    }
    if (now.namespaces != wanted.namespaces) add(name_spaces);
    if (now.proxies != wanted.proxies) add(proxies);
    return found;
}

settings with_reloadable(const settings& now, const settings& wanted) {
    settings made = now;
    for (const option& row : options()) {
        if (needs_restart(row.key, now, wanted)) continue;
        std::visit([&](auto member) { made.*member = wanted.*member; }, row.target);
    }
    if (!needs_restart(name_spaces, now, wanted)) made.namespaces = wanted.namespaces;
    return made;
}

} // namespace carillon::config
