#include "ledger/node_streams.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <utility>

namespace carillon::ledger {

namespace {

using kind = bus::home_question::kind;

// Numbers of calls that nobody else who uses the connection gives.
constexpr std::uint64_t ours = std::uint64_t{1} << 63;

// Which readings say the same.
std::string key_of(const node_streams::question& of) {
    std::string key = of.channel;
    key += '\0';
    key += of.what.about == kind::recover ? std::to_string(of.what.since.offset) : "place";
    key += ' ';
    key += of.what.since.epoch.view();
    return key;
}

// Whether it is the page that comes next, or there is none any more.
bool follows(const streams::position& last, const bus::home_answer& said) {
    if (said.why != streams::store::query_error::none || said.top.epoch != last.epoch) return false;
    if (said.publications == nullptr) return said.top == last;
    return said.publications->first == last.offset + 1;
}

} // namespace

// --- what the shards ask

void node_streams::ask(question what, bool subscribed, clock::time_point now) {
    const std::uint64_t number = ++last_number_;
    const bool joins = what.what.joins;
    const std::string channel = what.channel;
    const keeping how = what.how;
    open_.emplace(number, open_question{std::move(what), now + limits_.patience});
    by_time_.push_back(number);
    if (!joins) return enqueue(number);
    auto& its = channels_[channel];
    if (its == nullptr) its = std::make_unique<standing>();
    its->subscribed = subscribed;
    its->how = how;
    its->joins.push_back(number);
    settle(channel, *its);
}

// Who joins is let in when nobody waits for what is missing.
void node_streams::settle(const std::string&, standing& of) {
    if (!of.subscribed || of.catching_up) return;
    for (const std::uint64_t each : std::exchange(of.joins, {})) enqueue(each);
}

void node_streams::enqueue(std::uint64_t number) {
    const auto found = open_.find(number);
    if (found == open_.end()) return; // it has waited too long
    const question& asked = found->second.what;
    const bool shares = asked.what.joins;
    if (shares) {
        auto& same = shared_[key_of(asked)];
        if (const shared_reading its = same.lock()) {
            ++counts_.reads_shared;
            its->whose.push_back(number);
            return;
        }
        auto made = std::make_shared<reading>(reading{asked.channel, asked.what, asked.how});
        made->whose.push_back(number);
        same = made;
        waiting_.push_back(std::move(made));
    } else {
        auto made = std::make_shared<reading>(reading{asked.channel, asked.what, asked.how});
        made->whose.push_back(number);
        waiting_.push_back(std::move(made));
    }
}

void node_streams::tell(const std::vector<std::uint64_t>& whose, const result<bus::home_answer>& said) {
    for (const std::uint64_t each : whose) {
        const auto found = open_.find(each);
        if (found == open_.end()) continue;
        const std::uint32_t shard = found->second.what.shard;
        const std::uint64_t number = found->second.what.number;
        open_.erase(found);
        listener_->on_told(shard, number, said);
    }
}

// --- the channel

bool node_streams::on_publication(std::string_view channel, const envelope& what) {
    if (what.at.offset == 0) return true;
    const auto found = channels_.find(channel);
    if (found == channels_.end() || !found->second->known) return true; // nobody counts
    standing& its = *found->second;
    if (its.catching_up || !its.subscribed) return false; // it will be in what is read
    const bool same = its.last.epoch == what.at.epoch;
    if (same && what.at.offset == its.last.offset + 1) {
        its.last = what.at;
        return true;
    }
    if (same && what.at.offset <= its.last.offset) {
        ++counts_.repeated;
        return false;
    }
    ++counts_.gaps;
    catch_up(found->first, its);
    return false;
}

void node_streams::catch_up(const std::string& channel, standing& of) {
    CHECK(of.known && of.subscribed && !of.catching_up);
    of.catching_up = true;
    bus::home_question what{.about = kind::recover};
    what.since = of.last;
    auto made = std::make_shared<reading>(reading{channel, what, of.how, true});
    waiting_.push_back(std::move(made));
}

void node_streams::on_subscribed(std::string_view channel) {
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return;
    standing& its = *found->second;
    if (std::exchange(its.subscribed, true)) return;
    if (its.known && !its.catching_up) catch_up(found->first, its);
    settle(found->first, its);
}

void node_streams::on_refused(std::string_view channel, bus::error why) {
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return;
    const std::vector<std::uint64_t> joins = std::move(found->second->joins);
    channels_.erase(found); // those who had it are told by who refuses
    tell(joins, bus::make_error_code(why));
}

void node_streams::on_released(std::string_view channel) {
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return;
    const std::vector<std::uint64_t> joins = std::move(found->second->joins);
    channels_.erase(found);
    tell(joins, bus::make_error_code(bus::error::away)); // there are none: who joins has it wanted
}

void node_streams::lose(const std::string& channel, standing& of) {
    ++counts_.lost;
    of.known = false; // until somebody joins anew
    listener_->on_lost(channel);
}

// --- the server

void node_streams::pump() {
    std::size_t put_off = 0; // whose server is away: they do not hold up others, nor are all of them looked at
    while (put_off < std::min(waiting_.size(), limits_.reads_max) && out_.size() < limits_.reads_max) {
        const shared_reading next = waiting_.front();
        const bool wanted =
            next->catches_up || std::ranges::any_of(next->whose, [&](auto each) { return open_.contains(each); });
        if (!wanted) {
            waiting_.pop_front();
            continue;
        }
        if (!listener_->may_call(next->channel)) {
            waiting_.pop_front();
            waiting_.push_back(next);
            ++put_off;
            continue;
        }
        next->sent = ledger::reading(names_, next->channel, next->what, next->how, limits_.page);
        const std::uint64_t number = ours | (last_call_ + 1);
        if (!listener_->on_call(number, next->sent)) return;
        ++last_call_;
        ++counts_.reads;
        waiting_.pop_front();
        out_.emplace(number, next);
    }
    has_more_ = put_off > 0 && put_off < waiting_.size() && out_.size() < limits_.reads_max;
    if (waiting_.empty() && out_.empty()) shared_.clear();
}

const call* node_streams::call_of(std::uint64_t number) const {
    const auto found = out_.find(number);
    return found == out_.end() ? nullptr : &found->second->sent;
}

bool node_streams::on_answer(std::uint64_t number, std::span<const resp::node> said, bus::error otherwise) {
    const auto found = out_.find(number);
    if (found == out_.end()) return false;
    const shared_reading its = std::move(found->second);
    out_.erase(found);
    result<bus::home_answer> answer = bus::make_error_code(otherwise);
    if (const auto made = answer_of(said, its->what, its->how, limits_.page)) {
        answer = *made;
    } else if (!said.empty() && said.front().text.starts_with("NOPERM")) {
        answer = bus::make_error_code(bus::error::denied);
    }
    if (its->what.joins) {
        if (const auto same = shared_.find(key_of({.channel = its->channel, .what = its->what}));
            same != shared_.end() && same->second.lock() == its)
            shared_.erase(same);
    }
    on_read(*its, answer);
    return true;
}

void node_streams::on_read(reading& what, const result<bus::home_answer>& said) {
    if (what.catches_up) return on_caught_up(what, said);
    const auto found = channels_.find(what.channel);
    if (!what.what.joins || !said || found == channels_.end()) return tell(what.whose, said);
    standing& its = *found->second;
    const bool must_wait = !its.subscribed || its.catching_up;
    const bool has_gap = its.known && its.last != said->top;
    if (must_wait || has_gap) { // those who are there first: they would get twice what they have missed, or not at all
        its.joins.insert(its.joins.end(), what.whose.begin(), what.whose.end());
        if (must_wait) return;
        ++counts_.gaps;
        return catch_up(found->first, its);
    }
    its.known = true;
    its.last = said->top;
    tell(what.whose, said);
}

void node_streams::on_caught_up(const reading& what, const result<bus::home_answer>& said) {
    const auto found = channels_.find(what.channel);
    if (found == channels_.end() || !found->second->catching_up) return; // nobody relies on it any more
    standing& its = *found->second;
    if (said && said->said == streams::verdict::too_many) return read_on(found->first, its);
    its.catching_up = false;
    const bool by_pages = what.what.about == kind::history;
    if (!said || said->said != streams::verdict::recovered || (by_pages && !follows(its.last, *said))) {
        lose(found->first, its);
    } else {
        its.last.epoch = said->top.epoch;
        for (std::size_t i = 0; said->publications != nullptr && i < said->publications->publications.size(); ++i) {
            envelope each{.published = said->publications->publications[i]->view()};
            each.at = {said->publications->offset_of(i), said->top.epoch};
            its.last = each.at;
            listener_->on_missed(found->first, each);
        }
        if (by_pages && its.last != said->top) return read_on(found->first, its);
        its.last = said->top;
    }
    settle(found->first, its);
}

// More than one answer has: what is missing comes in pages, one after the other, as long as the server keeps it.
void node_streams::read_on(const std::string& channel, standing& of) {
    of.catching_up = true;
    bus::home_question next{.about = kind::history};
    next.has_since = true;
    next.since = of.last;
    next.limit = -1;
    waiting_.push_back(std::make_shared<reading>(reading{channel, next, of.how, true}));
}

void node_streams::on_away(const which& whose) {
    const auto is_meant = [&](std::string_view channel) { return !whose || whose(channel); };
    for (auto& [name, its] : channels_)
        if (is_meant(name)) its->subscribed = its->catching_up = false;
    std::deque<shared_reading> again;
    const auto keep = [&](const shared_reading& each) {
        if (!is_meant(each->channel)) return again.push_back(each);
        if (each->catches_up) return; // it begins anew when the channel is subscribed again
        const auto found = channels_.find(each->channel);
        if (!each->what.joins || found == channels_.end()) return again.push_back(each);
        auto& joins = found->second->joins;
        joins.insert(joins.end(), each->whose.begin(), each->whose.end());
    };
    std::vector<std::uint64_t> sent;
    for (const auto& [number, each] : out_)
        if (is_meant(each->channel)) sent.push_back(number);
    std::ranges::sort(sent);
    for (const std::uint64_t each : sent) keep(out_[each]);
    for (const std::uint64_t each : sent) out_.erase(each);
    for (const auto& each : waiting_) keep(each);
    waiting_ = std::move(again);
    shared_.clear();
}

// --- time

void node_streams::on_time(clock::time_point now) {
    while (!by_time_.empty()) {
        const std::uint64_t oldest = by_time_.front();
        const auto found = open_.find(oldest);
        if (found != open_.end() && found->second.until > now) return;
        by_time_.pop_front();
        if (found == open_.end()) continue;
        const std::string channel = found->second.what.channel;
        tell({oldest}, bus::make_error_code(bus::error::away));
        if (const auto its = channels_.find(channel); its != channels_.end()) std::erase(its->second->joins, oldest);
    }
}

node_streams::clock::time_point node_streams::wake_at() const noexcept {
    if (by_time_.empty()) return clock::time_point::max();
    const auto found = open_.find(by_time_.front());
    return found == open_.end() ? clock::time_point::min() : found->second.until;
}

} // namespace carillon::ledger
