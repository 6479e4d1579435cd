#include "ledger/node_presence.hpp"

#include <algorithm>
#include <utility>

namespace carillon::ledger {

namespace {

// Numbers of calls that nobody else who uses the connection gives.
constexpr std::uint64_t ours = std::uint64_t{1} << 62;

std::string_view bytes_of(const presence::client_id& who) noexcept {
    return {reinterpret_cast<const char*>(who.begin()), who.size()};
}

} // namespace

void node_presence::enter(const std::string& channel, const presence::client_id& who, presence::registry::member what,
                          const attending_rules& how, clock::time_point now) {
    crowd& its = channels_[channel];
    its.how = how;
    its.how.ttl = limits_.ttl;
    entries_ += its.members.insert_or_assign(std::string{bytes_of(who)}, entry{std::move(what), ++serial_}).second;
    make_room();
    fresh_.push_back({now, channel, who, serial_});
}

void node_presence::leave(const std::string& channel, const presence::client_id& who, const attending_rules& how,
                          clock::time_point now) {
    const auto found = channels_.find(channel);
    if (found == channels_.end() || found->second.members.erase(bytes_of(who)) == 0) return;
    --entries_;
    if (found->second.members.empty()) channels_.erase(found);
    make_room();
    if (fresh_.size() + put_off_.size() < entries_ + limits_.waiting_max)
        fresh_.push_back({.at = now, .channel = channel, .who = who, .serial = 0, .leaves = true, .how = how});
}

void node_presence::forget(const std::string& channel, const presence::client_id& who) {
    const auto found = channels_.find(channel);
    if (found == channels_.end() || found->second.members.erase(bytes_of(who)) == 0) return;
    --entries_;
    if (found->second.members.empty()) channels_.erase(found);
}

// While the server is away, many may come and go.
void node_presence::make_room() {
    if (fresh_.size() + put_off_.size() < room_) return;
    for (auto* const each : {&fresh_, &put_off_})
        std::erase_if(*each, [this](const turn& its) { return is_stale(its); });
    room_ = std::max<std::size_t>(limits_.waiting_max, 2 * (fresh_.size() + put_off_.size()));
}

// One server of several that is away does not hold up what the others are told.
void node_presence::put_off(std::deque<turn>& from, clock::time_point now) {
    constexpr std::chrono::seconds pause{1};
    while (!from.empty() && from.front().at <= now && !taker_->may_call(from.front().channel)) {
        turn next = std::move(from.front());
        from.pop_front();
        if (is_stale(next)) continue;
        next.at = now + pause;
        next.late = true;
        put_off_.push_back(std::move(next));
    }
}

node_presence::entry* node_presence::find(const turn& of) {
    const auto its = channels_.find(of.channel);
    if (its == channels_.end()) return nullptr;
    const auto found = its->second.members.find(bytes_of(of.who));
    return found == its->second.members.end() || found->second.serial != of.serial ? nullptr : &found->second;
}

// Who comes back while his going is put off has not gone.
bool node_presence::is_stale(const turn& each) {
    if (!each.leaves) return find(each) == nullptr;
    if (!each.late) return false;
    const auto its = channels_.find(each.channel);
    return its != channels_.end() && its->second.members.contains(bytes_of(each.who));
}

bool node_presence::send(call what) {
    if (out_.size() >= limits_.calls_max) return false;
    const std::uint64_t number = ours | (calls_ + 1);
    if (!taker_->on_call(number, what)) return false;
    ++calls_;
    out_.emplace(number, std::move(what));
    return true;
}

// Those at the front that are due, of one channel, and all come or all go. False: there are none, or not now.
bool node_presence::say_some(std::deque<turn>& from, clock::time_point now) {
    while (!from.empty() && is_stale(from.front())) from.pop_front();
    put_off(from, now);
    if (from.empty() || from.front().at > now) return false;
    const turn& first = from.front();
    std::vector<attendant> come;
    std::vector<presence::client_id> gone;
    std::size_t count = 0; // of the turns, stale ones among them
    for (; count < from.size() && come.size() + gone.size() < limits_.clients_per_call; ++count) {
        const turn& next = from[count];
        if (next.at > now || next.channel != first.channel || next.leaves != first.leaves) break;
        if (next.leaves && !is_stale(next)) gone.push_back(next.who);
        const entry* const its = next.leaves ? nullptr : find(next);
        if (its != nullptr) come.emplace_back(next.who, &its->what);
    }
    const bool sent = first.leaves
                          ? send(leaving(names_, first.channel, gone, first.how))
                          : send(entering(names_, first.channel, come, channels_.find(first.channel)->second.how));
    if (!sent) return false;
    for (; count > 0; --count) {
        turn next = std::move(from.front());
        from.pop_front();
        if (next.leaves || find(next) == nullptr) continue;
        next.at = now + limits_.ttl / 3;
        due_.push_back(std::move(next));
    }
    return true;
}

void node_presence::pump(clock::time_point now) {
    while (say_some(put_off_, now)) {}
    while (say_some(fresh_, now)) {}
    if (fresh_.empty()) {
        while (say_some(due_, now)) {}
    }
}

bool node_presence::on_answer(std::uint64_t number) { return out_.erase(number) > 0; }

const call* node_presence::call_of(std::uint64_t number) const {
    const auto found = out_.find(number);
    return found == out_.end() ? nullptr : &found->second;
}

// Who has come is said again when the server is back; who has gone, and may not have been heard of, is forgotten there.
void node_presence::on_away() { out_.clear(); }

void node_presence::on_back(clock::time_point now) {
    std::erase_if(due_, [this](const turn& each) { return find(each) == nullptr; });
    const auto step =
        std::min(limits_.comeback, limits_.ttl / 3) / static_cast<std::int64_t>(std::max<std::size_t>(1, due_.size()));
    for (std::size_t i = 0; i < due_.size(); ++i) due_[i].at = now + step * static_cast<std::int64_t>(i);
}

node_presence::clock::time_point node_presence::wake_at() const noexcept {
    if (out_.size() >= limits_.calls_max) return clock::time_point::max(); // an answer wakes
    const auto first = [](const std::deque<turn>& of) { return of.empty() ? clock::time_point::max() : of.front().at; };
    return std::min(first(due_), first(put_off_));
}

} // namespace carillon::ledger
