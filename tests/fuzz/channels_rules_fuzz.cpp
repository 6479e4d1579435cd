// Any bytes are a pattern, a channel's name and a user. Nothing crashes, time is linear, and the decisions do not
// contradict each other: who may do something with less may do it with more, and a name is as good for one command as
// for the next.
#include "base/check.hpp"
#include "channels/rules.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace carillon::channels;

std::string_view take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    return line;
}

bool names_nothing(verdict said) { return said == verdict::unknown_channel || said == verdict::bad_request; }

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    std::string_view rest{reinterpret_cast<const char*>(bytes), size};
    const std::string pattern{take_line(rest).substr(0, pattern_bytes_max)};
    const auto user = take_line(rest), channel = rest;
    name_space space{.name = "ns",
                     .subscribe = {party::client},
                     .publish = {party::subscriber},
                     .history = {party::client},
                     .user_limited = true,
                     .history_size = 1};
    if (!check_pattern(pattern)) space.channel_pattern = pattern;
    const rules these{{space}, 255};

    const auto place = these.find(channel);
    CHECK((place.said == verdict::allowed) == (place.space != nullptr));
    CHECK(these.may_subscribe(user, channel, true) == place.said);
    const auto bare = these.may_subscribe(user, channel, false);
    CHECK(names_nothing(place.said) ? bare == place.said : !names_nothing(bare));
    CHECK(bare != verdict::allowed || !channel.starts_with('$'));
    CHECK(bare != verdict::allowed || !user.empty());
    const auto outside = these.may_read_history(user, channel, membership::none);
    const auto inside = these.may_read_history(user, channel, membership::subscribed);
    CHECK(outside != verdict::allowed || inside == verdict::allowed);
    CHECK(these.may_publish(user, channel, membership::none) != verdict::allowed);
    return 0;
}
