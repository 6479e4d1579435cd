#include "ledger/attendance.hpp"

#include <algorithm>
#include <memory>
#include <string>

namespace carillon::ledger {

namespace {

std::string text_of(const presence::client_id& who) { return std::string{who.begin(), who.end()}; }

call begin(program which, const names& in, std::string_view channel, const attending_rules& how) {
    return {which, in.attendance(channel), {std::string{channel}, std::to_string(how.announced_max)}};
}

} // namespace

call entering(const names& in, std::string_view channel, std::span<const attendant> who, const attending_rules& how) {
    call made = begin(program::enter, in, channel, how);
    made.arguments.push_back(std::to_string(how.ttl.count()));
    for (const auto& [id, what] : who) {
        made.arguments.push_back(text_of(id));
        made.arguments.push_back(what->user);
        made.arguments.push_back(what->info);
    }
    return made;
}

call leaving(const names& in, std::string_view channel, std::span<const presence::client_id> who,
             const attending_rules& how) {
    call made = begin(program::leave, in, channel, how);
    for (const auto& each : who) made.arguments.push_back(text_of(each));
    return made;
}

call attending(const names& in, std::string_view channel, bool listed, const attending_rules& how) {
    call made = begin(program::attend, in, channel, how);
    made.arguments.push_back(listed ? std::to_string(how.listed_max) : "-1");
    return made;
}

std::optional<bus::home_answer> attendance_of(std::span<const resp::node> answer) {
    if (answer.size() < 3 || answer.size() % 2 == 0 || answer[0].kind != resp::type::array ||
        answer[1].kind != resp::type::integer || answer[2].kind != resp::type::integer)
        return std::nullopt;
    bus::home_answer said;
    said.there = {static_cast<std::size_t>(answer[1].integer), static_cast<std::size_t>(answer[2].integer)};
    if (answer.size() == 3 && said.there.clients > 0) return said; // they were counted, or are too many
    auto all = std::make_shared<bus::attendance>();
    for (std::size_t i = 3; i + 1 < answer.size(); i += 2) {
        presence::client_id who{};
        if (answer[i].text.size() != who.size()) return std::nullopt;
        std::ranges::copy(answer[i].text, who.begin());
        all->emplace_back(who, std::string{answer[i + 1].text});
    }
    said.members = std::move(all);
    return said;
}

} // namespace carillon::ledger
