#include "peer/admission.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace carillon::peer {

namespace {

constexpr std::size_t counted_bytes_of_ipv6 = 8;
constexpr std::int64_t second = std::chrono::nanoseconds{std::chrono::seconds{1}}.count();
// All of a part is looked at, some thousand addresses; so not for everybody who comes when it is full.
constexpr std::chrono::seconds between_sweeps{1};

std::int64_t in_ns(rate::clock::time_point now) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
}

} // namespace

address counted_as(const address& one) noexcept {
    if (is_ipv4(one)) return one;
    address made;
    std::copy_n(one.bytes.begin(), counted_bytes_of_ipv6, made.bytes.begin());
    return made;
}

bool rate::admit(due& kept, clock::time_point now) const noexcept {
    if (!limits()) return true;
    const std::int64_t from = std::max(kept, in_ns(now));
    if (from - in_ns(now) > second - between_) return false;
    kept = from + between_;
    return true;
}

bool rate::is_quiet(due kept, clock::time_point now) const noexcept { return kept <= in_ns(now); }

admission::admission(const limits& how)
    : limits_{how}, of_all_{how.handshakes_per_second_max}, of_address_{how.address_handshakes_per_second_max} {}

bool admission::admit_any(clock::time_point now) noexcept {
    if (!of_all_.limits()) return true;
    rate::due before = due_.load(std::memory_order_relaxed);
    for (;;) {
        rate::due after = before;
        if (!of_all_.admit(after, now)) return false;
        if (due_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return true;
    }
}

bool admission::has_room(part& in, clock::time_point now) {
    const std::size_t most = std::max<std::size_t>(1, limits_.addresses_max / parts);
    if (in.known.size() >= most && now - in.swept >= between_sweeps) {
        in.swept = now;
        addresses_ -= boost::unordered::erase_if(in.known, [&](const auto& each) {
            return each.second.connections == 0 && of_address_.is_quiet(each.second.due, now);
        });
    }
    return in.known.size() < most;
}

// Its own address' limits first: who comes too often must not use up what there is for all.
admission::answer admission::enter(const address& whose, clock::time_point now) {
    if (closed()) return {verdict::memory};
    if (!counts_addresses() || !whose.known()) return {admit_any(now) ? verdict::admitted : verdict::handshakes};
    const address key = counted_as(whose);
    part& its = part_of(key);
    const std::lock_guard held{its.lock};
    auto found = its.known.find(key);
    if (found == its.known.end()) {
        if (!has_room(its, now)) {
            if (!admit_any(now)) return {verdict::handshakes};
            uncounted_.fetch_add(1, std::memory_order_relaxed);
            return {};
        }
        if (!admit_any(now)) return {verdict::handshakes};
        standing first{.connections = 1};
        (void)of_address_.admit(first.due, now);
        its.known.emplace(key, first);
        addresses_.fetch_add(1, std::memory_order_relaxed);
        return {verdict::admitted, true};
    }
    standing& known = found->second;
    if (limits_.address_connections_max > 0 && known.connections >= limits_.address_connections_max)
        return {verdict::connections_of_address};
    rate::due due = known.due;
    if (!of_address_.admit(due, now)) return {verdict::handshakes_of_address};
    if (!admit_any(now)) return {verdict::handshakes};
    known.due = due;
    ++known.connections;
    return {verdict::admitted, true};
}

bool admission::adopt(const address& whose, clock::time_point now) {
    if (!counts_addresses() || !whose.known()) return false;
    const address key = counted_as(whose);
    part& its = part_of(key);
    const std::lock_guard held{its.lock};
    if (const auto found = its.known.find(key); found != its.known.end()) return ++found->second.connections, true;
    if (!has_room(its, now)) {
        uncounted_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    its.known.emplace(key, standing{.connections = 1});
    addresses_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

void admission::leave(const address& whose, clock::time_point now) {
    const address key = counted_as(whose);
    part& its = part_of(key);
    const std::lock_guard held{its.lock};
    const auto found = its.known.find(key);
    CHECK(found != its.known.end() && found->second.connections > 0);
    if (--found->second.connections > 0 || !of_address_.is_quiet(found->second.due, now)) return;
    its.known.erase(found);
    addresses_.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace carillon::peer
