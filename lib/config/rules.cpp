#include "config/rules.hpp"

#include "base/check.hpp"
#include "config/bus_rules.hpp"
#include "config/peer_rules.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace carillon::config {
namespace {

struct rules {
    program which;
    const settings& values;
    const origins& set_by;
    std::size_t cores;

    /// "client-pong-timeout-ms (30000 from flag --client-pong-timeout-ms)"
    std::string told(std::string_view key) const {
        const auto* row = find_option(key);
        CHECK(row != nullptr && !is_secret(*row));
        const auto source = set_by.find(key);
        return fmt::format("{} ({}{})", flag_of(*row).substr(2), text_of(values, *row),
                           source == set_by.end() ? ", the default" : " from " + source->second);
    }

    complaint refuse_unless(bool holds, std::string_view left, std::string_view relation,
                            std::string_view right) const {
        if (holds || !has(which, *find_option(left)) || !has(which, *find_option(right))) return {};
        return fmt::format("{} must {} {}", told(left), relation, told(right));
    }

    complaint bus_door() const {
        if (which == program::bus && !values.bus_listen)
            return fmt::format("{} must be an address: without it {} does nothing", told("bus_listen"), name_of(which));
        // The default is gone by now: it was asked for.
        if (values.bus && values.bus_listen)
            return fmt::format("{} must not be given together with an external bus (from {})", told("bus_listen"),
                               set_by.at("bus"));
        return {};
    }

    complaint transports() const {
        constexpr std::array<std::string_view, 6> known{"websocket",     "sse",     "http_stream",
                                                        "uni_websocket", "uni_sse", "uni_http_stream"};
        for (const std::string& each : values.client_transports) {
            if (std::ranges::find(known, each) == known.end())
                return fmt::format("{}: there is no transport \"{}\"", told("client_transports"), each);
        }
        return {};
    }

    complaint listeners() const {
        struct listener {
            std::string_view key;
            const address* where;
        };
        const std::array<listener, 3> all{{{"client_listen", &values.client_listen},
                                           {"control_listen", &values.control_listen},
                                           {"bus_listen", values.bus_listen ? &*values.bus_listen : nullptr}}};
        for (std::size_t left = 0; left < all.size(); ++left)
            for (std::size_t right = left + 1; right < all.size(); ++right) {
                if (all[left].where == nullptr || all[right].where == nullptr) continue;
                if (auto why = refuse_unless(!overlap(*all[left].where, *all[right].where), all[left].key,
                                             "not take the address of", all[right].key))
                    return why;
            }
        return {};
    }

    complaint sizes() const {
        const auto payload = values.bus_payload_bytes_max;
        const auto full = batch_bytes + payload + frame_overhead_bytes;
        if (auto why = refuse_unless(
                full <= values.client_outbox_bytes_max, "client_outbox_bytes_max",
                fmt::format("be at least {}, room for {} bytes of small publications and one of", full, batch_bytes),
                "bus_payload_bytes_max"))
            return why;
        if (auto why = refuse_unless(2 * values.history_bytes_max <= values.client_outbox_bytes_max,
                                     "client_outbox_bytes_max", "be at least twice", "history_bytes_max"))
            return why;
        if (auto why = refuse_unless(payload < values.bus_query_bytes_max, "bus_query_bytes_max", "be larger than",
                                     "bus_payload_bytes_max"))
            return why;
        if (auto why = refuse_unless(payload < values.bus_output_bytes_max, "bus_output_bytes_max", "be larger than",
                                     "bus_payload_bytes_max"))
            return why;
        if (auto why = refuse_unless(payload < values.bus_upstream_output_bytes_max, "bus_upstream_output_bytes_max",
                                     "be larger than", "bus_payload_bytes_max"))
            return why;
        if (auto why = refuse_unless(api_keys_of(values).empty() || payload < values.api_body_bytes_max,
                                     "api_body_bytes_max", "be larger than", "bus_payload_bytes_max"))
            return why;
        return refuse_unless(values.client_channel_bytes_max < values.client_message_bytes_max,
                             "client_channel_bytes_max", "be less than", "client_message_bytes_max");
    }

    complaint machine() const {
        if (values.pin_shards && values.shards > cores)
            return fmt::format("{} must not be more than the {} processors that the process may use, with {}",
                               told("shards"), cores, told("pin_shards"));
        return refuse_unless(values.work_pool >= values.shards, "work_pool", "have a lease for each of", "shards");
    }

    complaint urls() const {
        for (const std::string_view key : {"token_jwks_url", "subscription_token_jwks_url"}) {
            const std::string& text =
                key == "token_jwks_url" ? values.token_jwks_url : values.subscription_token_jwks_url;
            http::url ignored;
            if (text.empty() || !has(which, *find_option(key))) continue;
            if (const auto why = http::read_url(text, ignored); !why.empty())
                return fmt::format("{}: the URL {}", set_by.at(key), why);
        }
        return {};
    }

    complaint times() const {
        if (auto why = refuse_unless(values.token_jwks_refresh_min_s <= values.token_jwks_refresh_max_s,
                                     "token_jwks_refresh_max_s", "not be less than", "token_jwks_refresh_min_s"))
            return why;
        if (auto why = refuse_unless(values.bus_backoff_min <= values.bus_backoff_max, "bus_backoff_max_ms",
                                     "not be less than", "bus_backoff_min_ms"))
            return why;
        return refuse_unless(values.client_pong_timeout < values.client_ping_interval, "client_pong_timeout_ms",
                             "be less than", "client_ping_interval_ms");
    }
};

} // namespace

std::size_t shards_of(const settings& values, std::size_t cores) {
    if (values.shards > 0) return values.shards;
    const std::size_t connections = values.connections_max > 0 ? values.connections_max : cores;
    return std::max<std::size_t>(1, std::min({cores, find_option("shards")->most, values.work_pool, connections}));
}

std::vector<api_key> api_keys_of(const settings& values) {
    std::vector<api_key> keys;
    std::istringstream lines{values.api_key};
    for (std::string line; std::getline(lines, line);) keys.push_back({line});
    keys.insert(keys.end(), values.api_keys.begin(), values.api_keys.end());
    return keys;
}

void fit_defaults(settings& into, const origins& set_by, std::size_t cores) {
    if (!set_by.contains("history_bytes_max"))
        into.history_bytes_max = std::min(into.history_bytes_max, into.client_outbox_bytes_max / 2);
    // SDKs come back with all of their subscriptions in one message, and their connect in front of them.
    if (!set_by.contains("client_commands_per_message_max"))
        into.client_commands_per_message_max =
            std::clamp<std::size_t>(into.client_subscriptions_max + 1, into.client_commands_per_message_max,
                                    find_option("client_commands_per_message_max")->most);
    if (set_by.contains("work_pool")) return;
    const std::size_t shards = into.shards > 0 ? into.shards : std::min(cores, find_option("shards")->most);
    into.work_pool = std::max(into.work_pool, shards);
}

complaint check_rules(program which, const settings& values, const origins& set_by, std::size_t cores) {
    const rules rules{which, values, set_by, cores};
    if (auto why = rules.bus_door()) return why;
    if (auto why = check_bus(values, set_by)) return why;
    if (auto why = rules.listeners()) return why;
    if (auto why = rules.transports()) return why;
    if (auto why = check_peers(values)) return why;
    if (auto why = rules.machine()) return why;
    if (auto why = rules.times()) return why;
    if (auto why = rules.urls()) return why;
    return rules.sizes();
}

} // namespace carillon::config
