#include "orders/keeping.hpp"

#include "ledger/library.hpp"
#include "ledger/script.hpp"

#include <algorithm>
#include <chrono>

namespace carillon::orders {

bool keeps_on_bus(const config::settings& how) {
    return how.bus && std::ranges::any_of(how.namespaces, [](const auto& each) {
               return each.history_size > 0 || each.presence || each.join_leave;
           });
}

void keep_on_bus(const config::settings& how, redis::redis_options& options) {
    if (!keeps_on_bus(how)) return;
    auto& keeping = options.keeping.emplace();
    keeping.rules = [all = how.namespaces, dev = how.dev, bytes_max = how.client_channel_bytes_max] {
        return channels::rules::of(all, dev, bytes_max);
    };
    keeping.prefix = how.bus_prefix;
    keeping.key_ttl = std::chrono::seconds{how.idempotency_ttl_s};
    keeping.reads = {.reads_max = how.bus_reads_max,
                     .patience = how.bus_subscribe_timeout,
                     .page = {.publications_max = how.history_publications_max, .bytes_max = how.history_bytes_max}};
    keeping.presence.ttl = std::chrono::seconds{how.bus_presence_ttl_s};
    keeping.listed_max = how.presence_clients_max;
    keeping.announced_max = how.join_leave_clients_max;
    for (std::size_t i = 0; i < ledger::programs; ++i)
        options.upstream.scripts.push_back(ledger::script_of(static_cast<ledger::program>(i)).text);
    if (how.bus_function) {
        options.upstream.library = ledger::library_of({.prefix = how.bus_prefix,
                                                       .namespaces = how.namespaces,
                                                       .channel_bytes_max = how.client_channel_bytes_max,
                                                       .payload_bytes_max = how.bus_payload_bytes_max,
                                                       .key_ttl = keeping.key_ttl});
    }
}

} // namespace carillon::orders
