#include "channels/wildcard.hpp"

#include "channels/name.hpp"

#include <algorithm>

namespace carillon::channels {

namespace {

// Where the rest of a name begins, behind its namespace.
std::size_t begin_of_rest(std::string_view name, const channels::name& parts) noexcept {
    return name.size() - parts.rest.size();
}

} // namespace

wildcard_form wildcard_form_of(std::string_view name) noexcept {
    const auto star = name.find('*');
    if (star == name.npos) return wildcard_form::none;
    if (star + 1 != name.size()) return wildcard_form::bad;
    if (name.find_first_of("?[\\") != name.npos) return wildcard_form::bad;
    const channels::name parts = split(name);
    const std::string_view fixed = parts.rest.substr(0, parts.rest.size() - 1);
    // A star alone without a namespace would be everything that there is.
    if (fixed.empty()) return parts.name_space.empty() ? wildcard_form::bad : wildcard_form::good;
    if (!fixed.ends_with('.')) return wildcard_form::bad;
    const auto dots = static_cast<std::size_t>(std::ranges::count(fixed, '.'));
    return dots < wildcard_segments_max ? wildcard_form::good : wildcard_form::bad;
}

wildcards_of::wildcards_of(std::string_view channel) noexcept : channel_{channel}, left_{wildcard_segments_max} {
    const channels::name parts = split(channel);
    at_ = begin_of_rest(channel, parts);
    whole_ = !parts.name_space.empty();
    if (!whole_) --left_;
}

std::string_view wildcards_of::next() {
    if (left_ == 0) return {};
    --left_;
    std::size_t end = at_;
    if (whole_) {
        whole_ = false;
    } else {
        const auto dot = channel_.find('.', at_);
        end = dot == channel_.npos ? channel_.size() : dot + 1;
        at_ = end;
    }
    if (end >= channel_.size()) { // nothing is left for the star
        left_ = 0;
        return {};
    }
    made_.assign(channel_.substr(0, end));
    made_ += '*';
    return made_;
}

bool stands_for(std::string_view wildcard, std::string_view channel) noexcept {
    const std::string_view fixed = wildcard.substr(0, wildcard.size() - 1);
    if (channel.size() <= fixed.size() || !channel.starts_with(fixed)) return false;
    const channels::name one = split(wildcard), other = split(channel);
    return begin_of_rest(wildcard, one) == begin_of_rest(channel, other);
}

} // namespace carillon::channels
