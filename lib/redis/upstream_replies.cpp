#include "base/check.hpp"
#include "redis/upstream.hpp"

#include <utility>

// What the server says, and what follows from it.
namespace carillon::redis {

namespace {

error refusal_of(std::string_view text) noexcept { return text.starts_with("NOPERM") ? error::denied : error::refused; }

// A message of more may take longer than an answer may, where the line is slow.
constexpr std::size_t large_message_bytes = 64 * 1024;

// What a greeting says of the server. It is a map of texts and, last, a list.
struct introduction {
    std::string_view server;
    std::string_view mode;
    std::string_view role;
};

introduction introduction_of(std::span<const resp::node> greeting) noexcept {
    introduction found;
    for (std::size_t i = 1; i + 1 < greeting.size(); i += 2) {
        if (greeting[i].depth != 1 || greeting[i + 1].depth != 1) break;
        const std::string_view key = greeting[i].text;
        const std::string_view value = greeting[i + 1].text;
        if (key == "server") found.server = value;
        if (key == "mode") found.mode = value;
        if (key == "role") found.role = value;
    }
    return found;
}

// Why a server is no bus; empty if it is one. The nodes of a cluster tell each other what is published, replicas as
// well.
std::string_view objection_to(const introduction& who) noexcept {
    if (who.mode == "sentinel" || who.role == "sentinel") return "the server is a Sentinel, which is no bus";
    if (who.mode == "cluster") return {};
    if (who.role != "replica" && who.role != "slave") return {};
    return "the server is a replica: what is published there reaches neither its master nor anybody there";
}

// Whoever does not know HELLO may say its arguments over again, or their beginning: the password is one of them.
std::string without_arguments(std::string_view text, std::string_view password) {
    std::string told{text.substr(0, text.find(", with args"))};
    if (password.empty()) return told;
    constexpr std::string_view hidden = "***";
    for (std::size_t at = 0; (at = told.find(password, at)) != std::string::npos; at += hidden.size())
        told.replace(at, password.size(), hidden);
    return told;
}

} // namespace

void upstream::on_received(std::string_view bytes, clock::time_point now) {
    if (state_ != state::greeting && !connected()) return;
    input_.append(bytes);
    std::size_t position = 0;
    while (position < input_.size()) {
        const auto step = parser_.next(std::string_view{input_}.substr(position));
        if (step.what == resp::outcome::need_more && step.drop_count > 0) {
            input_.erase(position + step.drop_at, step.drop_count);
            answered(now);
            continue;
        }
        if (step.what == resp::outcome::need_more) break;
        if (step.what == resp::outcome::failed) return lose(step.error, true, now);
        on_nodes(step.nodes, now);
        if (state_ == state::waiting) return; // lost: the input is gone
        position += step.consumed;
    }
    input_.erase(0, position);
    // Answers stand behind a large message until it has come; its coming is progress.
    if (input_.size() > large_message_bytes) answered(now);
    if (state_ == state::restoring && restoring_ == 0) {
        state_ = state::live;
        // Not before: a server that greets and then refuses is a failure like any other.
        failures_ = 0;
        listener_->on_back();
    }
}

void upstream::on_greeted(std::span<const resp::node> nodes, clock::time_point now) {
    const introduction who = introduction_of(nodes);
    if (const std::string_view why = objection_to(who); !why.empty()) return lose(why, true, now);
    is_carillon_ = who.server == "carillon";
    probed_at_ = awake(now);
    ++counts_.connects;
    state_ = state::restoring;
    restoring_ = channels_.size();
    for (auto& [name, channel] : channels_) {
        channel.restoring = true;
        queue_to_ask(name, channel);
    }
    ask(now);
}

// An error says that the server is there, and nothing of its role.
void upstream::on_role(std::span<const resp::node> nodes, clock::time_point now) {
    if (const std::string_view why = objection_to(introduction_of(nodes)); !why.empty()) lose(why, true, now);
}

void upstream::on_nodes(std::span<const resp::node> nodes, clock::time_point now) {
    // A remark on the reply says nothing to us.
    while (nodes.size() > 1 && nodes.front().kind == resp::type::attribute) {
        std::size_t next = 1;
        while (next < nodes.size() && nodes[next].depth > 0) ++next;
        nodes = nodes.subspan(next);
    }
    if (nodes.front().kind == resp::type::push) {
        on_push(nodes, now);
    } else {
        on_answer(nodes, now);
    }
}

void upstream::on_push(std::span<const resp::node> nodes, clock::time_point now) {
    if (!connected()) return lose("the server speaks before it greets", true, now);
    if (nodes.size() != 4) return; // some other kind of push, such as an invalidation
    const std::string_view what = nodes[1].text;
    if (what == "message") return on_message(nodes[2].text, nodes[3]);
    const bool subscribed = what == "subscribe";
    if (!subscribed && what != "unsubscribe") return;
    const auto awaited = subscribed ? expected::kind::subscribe : expected::kind::unsubscribe;
    if (expected_.empty() || expected_.front().what != awaited) {
        return lose("the server confirmed what it was not asked", true, now);
    }
    const expected& front = expected_.front();
    // In the order in which they were asked for, or a refusal would be taken for that of another channel.
    if (subscribed && front.names[front.names.size() - front.left] != nodes[2].text) {
        return lose("the server confirmed a channel out of turn", true, now);
    }
    if (--expected_.front().left == 0) expected_.pop_front();
    answered(now);
    on_confirmed(nodes[2].text, subscribed, now);
}

void upstream::on_message(std::string_view channel, const resp::node& payload) {
    ++counts_.messages;
    const bool skipped = payload.kind == resp::type::skipped;
    const std::uint64_t bytes = skipped ? static_cast<std::uint64_t>(payload.integer) : payload.text.size();
    if (bytes > options_.payload_bytes_max) return listener_->on_oversized(channel, bytes);
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

void upstream::on_answer(std::span<const resp::node> nodes, clock::time_point now) {
    if (expected_.empty()) return lose("the server answered what it was not asked", true, now);
    answered(now);
    const resp::node& answer = nodes.front();
    const bool failed = answer.kind == resp::type::error || answer.kind == resp::type::blob_error;
    switch (expected_.front().what) {
    case expected::kind::hello:
        expected_.pop_front();
        if (failed) return lose(without_arguments(answer.text, options_.password), true, now);
        return on_greeted(nodes, now);
    case expected::kind::role:
    case expected::kind::ping: {
        const bool tells_role = expected_.front().what == expected::kind::role;
        expected_.pop_front();
        probing_ = false;
        if (tells_role) on_role(nodes, now);
        return;
    }
    case expected::kind::publish: {
        const std::uint64_t publication = expected_.front().publication;
        expected_.pop_front();
        --in_flight_;
        const bool counted = answer.kind == resp::type::integer && answer.integer >= 0;
        if (!counted) ++counts_.publications_failed;
        const publish_result receivers = counted ? publish_result{static_cast<std::uint32_t>(answer.integer)}
                                                 : publish_result{failed ? refusal_of(answer.text) : error::refused};
        return listener_->on_published(publication, receivers);
    }
    case expected::kind::subscribe:
        if (failed) return on_refused(answer.text, now);
        [[fallthrough]];
    case expected::kind::unsubscribe:
        // Confirmations are pushes.
        return lose(failed ? answer.text : "the server answered what it was not asked", true, now);
    }
}

// An error in place of confirmations. Redis looks at the rights to all channels of a command first, and refuses the
// whole of it; then each of them is asked for alone. A carillon-bus refuses one channel, in the place of its
// confirmation. Any other error is not about a channel, and nothing gets better by going on.
void upstream::on_refused(std::string_view why, clock::time_point now) {
    expected& front = expected_.front();
    const error what = refusal_of(why);
    if (!is_carillon_ && (what != error::denied || front.left < front.names.size())) return lose(why, true, now);
    if (is_carillon_ || front.left == 1) {
        const std::string name = std::move(front.names[front.names.size() - front.left]);
        if (--front.left == 0) expected_.pop_front();
        give_up(name, what);
    } else {
        const std::vector<std::string> names = std::move(front.names);
        expected_.pop_front();
        ask_singly(names, now);
    }
    ask(now);
}

void upstream::ask_singly(const std::vector<std::string>& names, clock::time_point now) {
    for (const std::string& name : names) {
        const auto found = channels_.find(name);
        CHECK(found != channels_.end() && found->second.where == stage::asked);
        if (found->second.wanted) {
            send_names("SUBSCRIBE", {name});
            expect(expected::kind::subscribe, now, 0, 1, {name});
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

} // namespace carillon::redis
