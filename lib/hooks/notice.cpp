#include "hooks/notice.hpp"

#include "protocol/payload.hpp"

#include <fmt/format.h>

#include <iterator>

namespace carillon::hooks {

namespace {

std::string_view name_of(event what) noexcept {
    switch (what) {
    case event::connected: return "connected";
    case event::disconnected: return "disconnected";
    case event::occupied: return "occupied";
    case event::vacated: return "vacated";
    default: return {}; // of those the application is asked
    }
}

std::string begin(std::string_view name, std::chrono::milliseconds since_1970) {
    return fmt::format(R"({{"event":"{}","time":{})", name, since_1970.count());
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
    out += name;
    protocol::append_json_string(out, text);
}

} // namespace

std::string text_of(const notice& what, std::chrono::milliseconds since_1970) {
    std::string out = begin(name_of(what.about), since_1970);
    if (is_of_channel(what.about)) {
        append_text(out, R"(,"channel":)", what.channel);
    } else {
        append_text(out, R"(,"client":)", what.client);
        append_text(out, R"(,"user":)", what.user);
    }
    if (what.about == event::disconnected) {
        fmt::format_to(std::back_inserter(out), R"(,"code":{})", what.code);
        append_text(out, R"(,"reason":)", what.reason);
    }
    out += '}';
    return out;
}

std::string text_of(std::string_view what, std::chrono::milliseconds since_1970) {
    return begin(what, since_1970) + '}';
}

} // namespace carillon::hooks
