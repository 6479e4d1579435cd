#include "people/identity.hpp"

#include "auth/claims.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace carillon::people {

expiry expiry_at(std::int64_t when) noexcept {
    return static_cast<expiry>(std::clamp<std::int64_t>(when, 0, std::numeric_limits<expiry>::max()));
}

expiry expiry_at(const std::optional<std::chrono::sys_seconds>& when) noexcept {
    return when ? std::max<expiry>(1, expiry_at(std::int64_t{when->time_since_epoch().count()})) : 0;
}

std::optional<std::chrono::seconds> left_until(expiry when, std::chrono::sys_seconds now) noexcept {
    constexpr std::chrono::seconds most = std::chrono::hours{24 * 365}; // (protocol §6.3)
    if (when == 0) return std::nullopt;
    return std::clamp(std::chrono::seconds{time_of(when) - now}, std::chrono::seconds::zero(), most);
}

grant* person::find(std::string_view channel) noexcept {
    const auto found = std::ranges::find(grants, channel, &grant::channel);
    return found == grants.end() ? nullptr : &*found;
}

grant* person::find_order(std::uint32_t number) noexcept {
    const auto found =
        std::ranges::find_if(grants, [&](const grant& each) { return each.by_server && each.command == number; });
    return found == grants.end() ? nullptr : &*found;
}

void person::forget(std::string_view channel) noexcept {
    std::erase_if(grants, [&](const grant& each) { return each.channel == channel; });
}

void person::forget_unmade(std::uint32_t command, bool by_server) noexcept {
    std::erase_if(grants, [&](const grant& each) { return each.command == command && each.by_server == by_server; });
}

std::string_view identity::user(room& in) const noexcept {
    switch (form_) {
    case form::text: {
        const auto size = static_cast<std::size_t>(text_[text_bytes_max]);
        std::copy_n(text_.begin(), size, in.characters.begin());
        return {in.characters.data(), size};
    }
    case form::uuid: {
        in.characters = uuid_text{uuid_}.characters;
        return {in.characters.data(), in.characters.size()};
    }
    case form::elsewhere: return whose_->user;
    }
    return {};
}

bool identity::is(const wanted& user) const noexcept {
    switch (form_) {
    case form::text:
        return user.text.size() == static_cast<std::size_t>(text_[text_bytes_max]) &&
               std::equal(user.text.begin(), user.text.end(), text_.begin());
    case form::uuid: return user.uuid && *user.uuid == uuid_;
    case form::elsewhere: return whose_->user == user.text;
    }
    return false;
}

void identity::set_user(std::string_view user) {
    if (form_ == form::elsewhere) {
        whose_->user = user;
    } else if (user.size() <= text_bytes_max) {
        text_ = {};
        std::ranges::copy(user, text_.begin());
        text_[text_bytes_max] = static_cast<char>(user.size());
        form_ = form::text;
    } else if (const auto id = uuid_of(user)) {
        uuid_ = *id;
        form_ = form::uuid;
    } else {
        whose_ = new person{.user = std::string{user}}; // clear() deletes it
        form_ = form::elsewhere;
    }
}

person& identity::need_more() {
    if (form_ != form::elsewhere) {
        room in;
        whose_ = new person{.user = std::string{user(in)}};
        form_ = form::elsewhere;
    }
    return *whose_;
}

void identity::clear() noexcept {
    if (form_ == form::elsewhere) delete whose_;
    text_ = {};
    form_ = form::text;
    expires = 0;
}

bool has_channels_of(const person* whose, const auth::connection_claims& said) noexcept {
    if (whose == nullptr) return said.subscriptions.empty();
    const auto is_by_token = [](const grant& each) { return (each.own & own_switch::by_token) != 0; };
    const auto had = std::ranges::count_if(whose->grants, is_by_token);
    return static_cast<std::size_t>(had) == said.subscriptions.size() &&
           std::ranges::all_of(said.subscriptions, [&](const auto& each) {
               const grant* const its = whose->find(each.channel);
               return its != nullptr && is_by_token(*its);
           });
}

std::uint8_t own_of(const auth::overrides& said) noexcept {
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

} // namespace carillon::people
