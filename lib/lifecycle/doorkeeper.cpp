#include "lifecycle/doorkeeper.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

namespace carillon::lifecycle {

namespace {

// Some thousand connections take a second, and a few ten megabytes.
constexpr std::chrono::milliseconds between_looks{250};
// So that it does not open and close with every connection that ends and comes.
constexpr unsigned percent_less = 2;

peer::admission::limits limits_of(const config::settings& how) {
    return {.handshakes_per_second_max = static_cast<std::uint32_t>(how.handshakes_per_second_max),
            .address_handshakes_per_second_max = static_cast<std::uint32_t>(how.address_handshakes_per_second_max),
            .address_connections_max = static_cast<std::uint32_t>(how.address_connections_max),
            .addresses_max = how.addresses_max};
}

std::vector<peer::forwarding> forwardings_of(const config::settings& how) {
    std::vector<peer::forwarding> all;
    for (const std::string& each : how.trusted_proxy_headers) {
        if (const auto field = peer::forwarding_of(each)) all.push_back(*field);
    }
    return all;
}

std::string in_words(const memory_use& memory) {
    return fmt::format("{} percent of {} MiB", memory.percent(), memory.limit_bytes >> 20);
}

} // namespace

doorkeeper::doorkeeper(boost::asio::io_context& context, const config::settings& how, look at_memory)
    : looks_{context, [this] { return look_at_memory(); }}, at_memory_{std::move(at_memory)},
      percent_max_{static_cast<unsigned>(how.memory_percent_max)}, proxies_{how.trusted_proxies},
      forwardings_{forwardings_of(how)}, proxy_header_{how.proxy_protocol},
      limits_anything_{how.handshakes_per_second_max > 0 || how.address_handshakes_per_second_max > 0 ||
                       how.address_connections_max > 0 || how.memory_percent_max > 0},
      admission_{limits_of(how)} {
    if (proxy_header_ && proxies_.empty())
        spdlog::warn(
            "proxy_protocol without trusted_proxies: whoever reaches the client port says whose connection it is");
}

session::door_options doorkeeper::door() noexcept {
    return {.proxy_header = proxy_header_,
            .proxies = proxies_.empty() ? nullptr : &proxies_,
            .admission = limits_anything_ ? &admission_ : nullptr,
            .forwardings = forwardings_};
}

void doorkeeper::watch() {
    if (percent_max_ == 0) return;
    if (at_memory_().limit_bytes == 0) {
        spdlog::warn("memory_percent_max: the cgroup has no limit on memory, so nobody is refused for want of it");
        return;
    }
    looks_.start();
}

std::chrono::milliseconds doorkeeper::look_at_memory() {
    memory_ = at_memory_();
    const unsigned percent = memory_.percent();
    if (!admission_.closed() && percent > percent_max_) {
        spdlog::warn("nobody is let in: {} of memory are used", in_words(memory_));
        admission_.close(true);
    } else if (admission_.closed() && percent + percent_less <= percent_max_) {
        spdlog::info("clients are let in again: {} of memory are used", in_words(memory_));
        admission_.close(false);
    }
    return between_looks;
}

std::string doorkeeper::closed() const {
    return admission_.closed() ? in_words(memory_) + " of memory are used" : std::string{};
}

void doorkeeper::count(metrics::process_facts& into) const {
    into.memory_used_bytes = memory_.used_bytes;
    into.memory_limit_bytes = memory_.limit_bytes;
    into.addresses = admission_.addresses();
    into.addresses_uncounted = admission_.uncounted();
}

} // namespace carillon::lifecycle
