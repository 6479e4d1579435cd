#include "session/server.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <utility>

// Clients that go to another process, and such that come from one (docs/decisions/0059).
namespace carillon::session {

namespace {

constexpr std::size_t room_for_head = 16; // of a message, beside its clients

constexpr std::chrono::milliseconds pong_grace{1'000};

} // namespace

void server::park() {
    std::ignore = link::server::for_some(0, records().used(), [this](link::record& r) {
        auto& c = static_cast<client&>(r);
        const bool is_there = c.where() == stage::live || c.where() == stage::awaiting_pong;
        if (!is_there || c.paused || c.closing || c.doomed || c.encrypted || !carriers::is_framed(c.speaks())) return;
        pause(c);
        parked_.push_back({.whose = records().key_of(c)});
    });
}

server::parcel server::pack_some() {
    parcel made;
    if (next_parked_ == 0) shard().turns.send_put_aside();
    std::size_t bytes = room_for_head;
    const auto now = shard().now();
    for (; next_parked_ < parked_.size() && made.what.all.size() < takeover::descriptors_max; ++next_parked_) {
        parked& each = parked_[next_parked_];
        client* const c = find(each.whose);
        takeover::client said;
        if (c == nullptr || !is_at_rest(*c) || !giving_.describe(*c, said)) continue;
        said.address = kept_address(*c).bytes;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(shard().wheel.left(*c, now));
        said.due_ms = static_cast<std::uint32_t>(left.count());
        const std::size_t size = takeover::bytes_of(said);
        if (size + room_for_head > takeover::message_bytes_max) continue; // it stays where it is
        if (bytes + size > takeover::message_bytes_max) break;
        net::owned_descriptor copy{::fcntl(c->descriptor, F_DUPFD_CLOEXEC, 0)};
        if (!copy) {
            made.well = false;
            break;
        }
        bytes += size;
        each.packed = true;
        each.channels = c->channels.count;
        made.what.all.push_back(std::move(said));
        made.descriptors.push_back(std::move(copy));
    }
    return made;
}

bool server::is_undisturbed() noexcept {
    return std::ranges::all_of(parked_, [this](const parked& each) {
        if (!each.packed) return true;
        const client* const c = find(each.whose);
        return c != nullptr && is_at_rest(*c) && c->channels.count == each.channels;
    });
}

std::size_t server::packed() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(parked_, &parked::packed));
}

void server::unpark() {
    next_parked_ = 0;
    for (const parked& each : std::exchange(parked_, {})) {
        client* const c = find(each.whose);
        if (c != nullptr && !c->waits() && !c->in_line) resume(*c);
    }
}

void server::give_away_packed() {
    std::vector<parked> all = std::exchange(parked_, {});
    for (const parked& each : all) {
        client* const c = each.packed ? find(each.whose) : nullptr;
        if (c != nullptr && is_at_rest(*c)) give_away(*c);
    }
    std::erase_if(all, &parked::packed);
    parked_ = std::move(all);
    unpark();
}

void server::on_given_away(link::record& r) { talks_.give_away(static_cast<client&>(r)); }

bool server::adopt(parcel what) {
    if (what.descriptors.size() != what.what.all.size()) return false;
    for (std::size_t i = 0; i < what.descriptors.size(); ++i) {
        const takeover::client& said = what.what.all[i];
        auto* const c =
            static_cast<client*>(link::server::adopt(what.descriptors[i].get(), peer::address{said.address}));
        if (c == nullptr) return false;
        what.descriptors[i].release();
        adopted_.push_back({records().key_of(*c), std::chrono::milliseconds{said.due_ms}});
        if (!taking_.take(*c, said)) return false;
    }
    return true;
}

void server::disown() {
    for (const adopted& each : std::exchange(adopted_, {})) {
        if (client* const c = find(each.whose)) give_away(*c);
    }
}

void server::begin_adopted() {
    taking_.tell_lost();
    for (const adopted& each : std::exchange(adopted_, {})) {
        client* const c = find(each.whose);
        if (c == nullptr || c->closing) continue;
        // A pong that is in the socket must be read before its time is over.
        const bool awaits = c->where() == stage::awaiting_pong;
        schedule(*c, awaits ? std::max(each.due, pong_grace) : each.due);
        taking_.settle(*c);
        begin(*c);
    }
}

} // namespace carillon::session
