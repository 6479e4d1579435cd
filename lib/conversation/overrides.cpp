#include "auth/claims.hpp"
#include "conversation/host.hpp"
#include "http/ascii.hpp"

#include <algorithm>
#include <utility>

// What a token or the application says of one subscription in place of its namespace, and of a request in place of the
// browser (protocol §6, §9).
namespace carillon::conversation {

namespace {

// No field of a request may have them, nor end in the middle.
bool is_field_value(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char each) {
        const auto byte = static_cast<unsigned char>(each);
        return byte == '\t' || (byte >= ' ' && byte != 0x7f);
    });
}

} // namespace

std::uint8_t host::own_of(const auth::overrides& said) noexcept {
    using people::own_switch;
    unsigned bits = 0;
    if (said.presence == false) bits |= own_switch::unlisted;
    if (said.join_leave == false) bits |= own_switch::untold;
    if (said.force_push_join_leave) bits |= *said.force_push_join_leave ? own_switch::told : own_switch::told_if_asked;
    // A subscription has both here, or neither.
    const bool on = said.force_recovery == true || said.force_positioning == true;
    if (said.force_recovery || said.force_positioning)
        bits |= on ? own_switch::followed : own_switch::followed_if_asked;
    return static_cast<std::uint8_t>(bits);
}

std::uint8_t host::own_of(const client& c, std::string_view channel) const noexcept {
    const person* const more = c.who.more();
    const grant* const its = more == nullptr ? nullptr : more->find(channel);
    return its == nullptr ? 0 : its->own;
}

// Whether a subscription stands in its channel's stream.
bool host::follows(std::string_view channel, std::uint8_t own, bool asked) const noexcept {
    if ((own & people::followed_if_asked) != 0) return asked && can_recover(channel);
    if ((own & people::followed) == 0) return can_recover(channel);
    const channels::name_space* const space = rules_.find(channel).space;
    return space != nullptr && space->history_size > 0;
}

// Neither listed nor told. What is listed is told where both are wanted, so one without the other is not to be had.
bool host::is_unseen(std::string_view channel, std::uint8_t own) const noexcept {
    if ((own & people::unlisted) != 0) return true;
    if ((own & people::untold) == 0) return false;
    const channels::name_space* const space = rules_.find(channel).space;
    return space != nullptr && !space->presence;
}

// Of the headers that a connect command has, those that the application shall see. False: they are none, and the
// command has been answered.
bool host::keep_emulated(client& c, std::uint32_t id, std::span<const protocol::emulated_header> headers) {
    if (options_.application == nullptr || headers.empty()) return true;
    const std::vector<std::string>& wanted = options_.application->emulated_fields();
    if (wanted.empty()) return true;
    auto kept = std::make_shared<hooks::head_fields>();
    const auto of = asked_.find(key_of(c).packed());
    if (of != asked_.end() && of->second.fields != nullptr) *kept = *of->second.fields;
    std::erase_if(*kept, [](const hooks::head_field& each) { return each.emulated; }); // the command may be run again
    bool any = false;
    for (const std::string& name : wanted) {
        const auto its = std::ranges::find_if(
            headers, [&](const protocol::emulated_header& each) { return http::same_ignoring_case(each.name, name); });
        if (its == headers.end()) continue;
        if (!is_field_value(its->value)) return fail(id, protocol::command_error::bad_request), false;
        kept->push_back({name, std::string{its->value}, true});
        any = true;
    }
    if (any) asked_[key_of(c).packed()].fields = std::move(kept);
    return true;
}

} // namespace carillon::conversation
