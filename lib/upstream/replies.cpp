#include "base/check.hpp"
#include "discovery/words.hpp"
#include "upstream/upstream.hpp"

#include <utility>

// What the server says, and what follows from it.
namespace carillon::upstream {

namespace {

error refusal_of(std::string_view text) noexcept { return text.starts_with("NOPERM") ? error::denied : error::refused; }

// A message of more may take longer than an answer may, where the line is slow.
constexpr std::size_t large_message_bytes = 64 * 1024;

} // namespace

void upstream::on_received(std::string_view bytes, clock::time_point now, line which) {
    if (state_ != state::greeting && !connected()) return;
    lane& from = lane_of(which);
    from.input.append(bytes);
    std::size_t position = 0;
    while (position < from.input.size()) {
        const auto step = from.parser.next(std::string_view{from.input}.substr(position));
        if (step.what == resp::outcome::need_more && step.drop_count > 0) {
            from.input.erase(position + step.drop_at, step.drop_count);
            from.answered(now);
            continue;
        }
        if (step.what == resp::outcome::need_more) break;
        if (step.what == resp::outcome::failed) return lose(step.error, true, now);
        on_nodes(from, step.nodes, now);
        if (state_ == state::waiting) return; // lost: the input is gone
        position += step.consumed;
    }
    from.input.erase(0, position);
    // Answers stand behind a large message until it has come; its coming is progress.
    if (from.input.size() > large_message_bytes) from.answered(now);
    if (state_ == state::restoring && restoring_ == 0) {
        state_ = state::live;
        // Not before: a server that greets and then refuses is a failure like any other.
        failures_ = 0;
        more_addresses_ = false; // when it is lost, the name is looked up anew
        listener_->on_back();
    }
}

// Without RESP3, messages and confirmations are arrays. Nothing else that the first connection asks for looks like one.
bool upstream::is_push(const lane& from, std::span<const resp::node> nodes) const noexcept {
    if (nodes.front().kind == resp::type::push) return true;
    if (!is_plain_ || &from != &first_ || nodes.front().kind != resp::type::array || nodes.size() < 4) return false;
    const std::string_view what = nodes[1].text;
    if (nodes.size() > 4) return nodes.size() == 5 && what == "pmessage";
    return what == "message" || what == "subscribe" || what == "unsubscribe" || what == "psubscribe" ||
           what == "punsubscribe";
}

void upstream::on_nodes(lane& from, std::span<const resp::node> nodes, clock::time_point now) {
    // A remark on the reply says nothing to us.
    while (nodes.size() > 1 && nodes.front().kind == resp::type::attribute) {
        std::size_t next = 1;
        while (next < nodes.size() && nodes[next].depth > 0) ++next;
        nodes = nodes.subspan(next);
    }
    if (!is_push(from, nodes)) return on_answer(from, nodes, now);
    if (&from == &first_) return on_push(nodes, now);
    lose("the server sends messages where nothing is subscribed", true, now);
}

void upstream::on_push(std::span<const resp::node> nodes, clock::time_point now) {
    if (!connected()) return lose("the server speaks before it greets", true, now);
    if (nodes.size() == 5 && nodes[1].text == "pmessage") {
        const auto its = channels_.find(std::string{nodes[2].text});
        if (its == channels_.end() || !its->second.is_pattern) return; // of a pattern that nobody has asked for
        return on_message(nodes[3].text, nodes[4], nodes[2].text);
    }
    if (nodes.size() != 4) return; // some other kind of push, such as an invalidation
    std::string_view what = nodes[1].text;
    if (what == "message") return on_message(nodes[2].text, nodes[3]);
    const bool of_patterns = what.starts_with('p');
    if (of_patterns) what.remove_prefix(1);
    const bool subscribed = what == "subscribe";
    if (!subscribed && what != "unsubscribe") return;
    const auto kind = subscribed ? awaited::kind::subscribe : awaited::kind::unsubscribe;
    if (first_.expected.empty() || first_.expected.front().what != kind ||
        first_.expected.front().of_patterns != of_patterns) {
        return lose("the server confirmed what it was not asked", true, now);
    }
    awaited& front = first_.expected.front();
    // In the order in which they were asked for, or a refusal would be taken for that of another channel.
    if (subscribed && front.names[front.names.size() - front.left] != nodes[2].text) {
        return lose("the server confirmed a channel out of turn", true, now);
    }
    if (--front.left == 0) first_.expected.pop_front();
    first_.answered(now);
    on_confirmed(nodes[2].text, subscribed, now);
}

void upstream::on_message(std::string_view channel, const resp::node& payload, std::string_view pattern) {
    ++counts_.messages;
    const bool skipped = payload.kind == resp::type::skipped;
    const std::uint64_t bytes = skipped ? static_cast<std::uint64_t>(payload.integer) : payload.text.size();
    const bool is_envelope = !skipped && !options_.scripts.empty() && ledger::is_envelope(payload.text);
    if (bytes > options_.payload_bytes_max + (is_envelope ? envelope_bytes_max : 0))
        return listener_->on_oversized(channel, bytes);
    if (!pattern.empty()) return listener_->on_matched(pattern, channel, payload.text);
    listener_->on_message(channel, payload.text);
}

void upstream::on_confirmed(std::string_view name, bool subscribed, clock::time_point now) {
    const auto found = channels_.find(std::string{name});
    const stage awaited = subscribed ? stage::asked : stage::leaving;
    if (found == channels_.end() || found->second.where != awaited) {
        return lose("the server confirmed a channel that it was not asked for", true, now);
    }
    channel_state& channel = found->second;
    if (subscribed) {
        --asked_;
        restored(channel);
        channel.where = stage::subscribed;
        if (channel.wanted) {
            listener_->on_subscribed(name);
        } else {
            linger(name, channel);
        }
    } else if (channel.wanted) {
        channel.where = stage::idle;
        queue_to_ask(name, channel);
    } else {
        channels_.erase(found);
    }
    ask(now);
}

void upstream::on_answer(lane& from, std::span<const resp::node> nodes, clock::time_point now) {
    if (from.expected.empty()) return lose("the server answered what it was not asked", true, now);
    from.answered(now);
    const resp::node& answer = nodes.front();
    const bool failed = answer.kind == resp::type::error || answer.kind == resp::type::blob_error;
    const awaited::kind what = from.expected.front().what;
    switch (what) {
    case awaited::kind::hello: from.expected.pop_front(); return on_hello(nodes, now);
    case awaited::kind::greeting:
    case awaited::kind::login:
    case awaited::kind::server:
    case awaited::kind::last_of_them: from.expected.pop_front(); return on_greeting_answered(from, what, answer, now);
    case awaited::kind::other_login:
        from.expected.pop_front();
        if (failed) listener_->on_login_refused(discovery::without_arguments(answer.text, options_.password));
        return;
    case awaited::kind::role:
    case awaited::kind::ping:
        from.expected.pop_front();
        from.probe_answered();
        if (what == awaited::kind::role) on_role(nodes, now);
        return;
    case awaited::kind::script:
        from.expected.pop_front();
        if (failed) lose(answer.text, true, now);
        return;
    case awaited::kind::library: // gateways do without
        from.expected.pop_front();
        if (failed) ++counts_.libraries_refused;
        return;
    case awaited::kind::call: {
        const std::uint64_t number = from.expected.front().publication;
        from.expected.pop_front();
        --in_flight_;
        return listener_->on_called(number, nodes);
    }
    case awaited::kind::publish: {
        const std::uint64_t publication = from.expected.front().publication;
        from.expected.pop_front();
        --in_flight_;
        const bool counted = answer.kind == resp::type::integer && answer.integer >= 0;
        if (!counted) ++counts_.publications_failed;
        const publish_result receivers = counted ? publish_result{static_cast<std::uint32_t>(answer.integer)}
                                                 : publish_result{failed ? refusal_of(answer.text) : error::refused};
        return listener_->on_published(publication, receivers);
    }
    case awaited::kind::subscribe:
        if (failed) return on_refused(answer.text, now);
        [[fallthrough]];
    case awaited::kind::unsubscribe:
        // Confirmations are pushes.
        return lose(failed ? answer.text : "the server answered what it was not asked", true, now);
    }
}

// An error in place of confirmations. Redis looks at the rights to all channels of a command first, and refuses the
// whole of it; then each of them is asked for alone. A carillon-bus refuses one channel, in the place of its
// confirmation. Any other error is not about a channel, and nothing gets better by going on.
void upstream::on_refused(std::string_view why, clock::time_point now) {
    awaited& front = first_.expected.front();
    const error what = refusal_of(why);
    if (!is_carillon_ && (what != error::denied || front.left < front.names.size())) return lose(why, true, now);
    if (is_carillon_ || front.left == 1) {
        const std::string name = std::move(front.names[front.names.size() - front.left]);
        if (--front.left == 0) first_.expected.pop_front();
        give_up(name, what);
    } else {
        const std::vector<std::string> names = std::move(front.names);
        first_.expected.pop_front();
        ask_singly(names, now);
    }
    ask(now);
}

void upstream::ask_singly(const std::vector<std::string>& names, clock::time_point now) {
    for (const std::string& name : names) {
        const auto found = channels_.find(name);
        CHECK(found != channels_.end() && found->second.where == stage::asked);
        if (found->second.wanted) {
            send_subscribe({name}, found->second.is_pattern, now);
            continue;
        }
        --asked_;
        restored(found->second);
        channels_.erase(found);
    }
}

void upstream::give_up(const std::string& name, error why) {
    const auto found = channels_.find(name);
    CHECK(found != channels_.end() && found->second.where == stage::asked);
    ++counts_.subscribes_refused;
    --asked_;
    restored(found->second);
    if (!found->second.wanted) {
        channels_.erase(found);
        return;
    }
    found->second.where = stage::refused;
    listener_->on_refused(name, why);
}

} // namespace carillon::upstream
