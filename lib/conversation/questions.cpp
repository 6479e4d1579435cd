#include "auth/verifier.hpp"
#include "conversation/host.hpp"

#include <utility>
#include <vector>

// Commands that need to know something from elsewhere: keys, or the application's consent (application.cpp). Such a
// command is put back in front of those behind it, the connection waits as it does for the bus, and when the answer has
// come, the command is handled once more and finds it. So nothing that it has found out before is taken for granted.
namespace carillon::conversation {

// False: the keys are what they are. True: the command waits for others, or has been answered.
bool host::wait_for_keys(client& c, std::uint32_t id, const error_code& why, people::token_kind of) {
    if (why != auth::error::key_unknown) return false;
    if (!tokens_.may_fetch(of)) return false;
    shard_.turns.has_toiled();
    if (const auto answer = take_answer(c)) {
        // Who cannot be told from an impostor now may come again.
        if (!std::get<keys_said>(*answer).fresh) fail(id, protocol::command_error::internal);
        return !std::get<keys_said>(*answer).fresh;
    }
    ask_again(c);
    tokens_.wait(key_of(c), of);
    return true;
}

void host::on_keys(people::token_kind of, bool fresh) {
    for (const net::connection_key each : tokens_.take_waiting(of)) run_again(each, keys_said{fresh});
}

void host::ask_again(client& c) {
    c.wait(true);
    again_ = true;
}

// Outside of everything else.
void host::run_again(net::connection_key whose, saying answer) {
    auto* c = roster_.find(whose);
    if (c == nullptr) return;
    CHECK(c->waits() && replies_.served() == nullptr);
    answers_.insert_or_assign(whose.packed(), std::move(answer));
    carrier_->try_again(*c);
}

std::optional<saying> host::take_answer(const client& c) {
    if (answers_.empty()) return std::nullopt; // as nearly always
    const auto found = answers_.find(key_of(c).packed());
    if (found == answers_.end()) return std::nullopt;
    saying answer = std::move(found->second);
    answers_.erase(found);
    return answer;
}

// Whether the answer is the application's.
bool host::has_said(const client& c) const noexcept {
    const auto found = answers_.find(key_of(c).packed());
    return found != answers_.end() && std::holds_alternative<hooks::answer>(found->second);
}

bool host::has_answer(const client& c) noexcept { return !answers_.empty() && answers_.contains(key_of(c).packed()); }

void host::forget_answer(const client& c) noexcept {
    if (!answers_.empty()) answers_.erase(key_of(c).packed());
}

} // namespace carillon::conversation
