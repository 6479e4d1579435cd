#include "config/value.hpp"

#include "config/origin_pattern.hpp"

#include <boost/describe/enum_to_string.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace carillon::config {

using endpoints::parse_address;
using endpoints::parse_redis_address;

namespace {

bool is_printable(char letter) { return letter > ' ' && letter < 0x7f; }

bool is_control(char letter) { return (letter >= 0 && letter < ' ') || letter == 0x7f; }

/// Reads one text into the member it is called with.
struct reader {
    settings& into;
    const option& of;
    const std::string& text;

    complaint wrong(std::string_view why) const {
        return fmt::format("{} {}; give {}", in_quotes(text), why, values_of(of));
    }

    complaint number(std::size_t& value) const {
        const char* end = text.data() + text.size();
        std::size_t read = 0;
        const auto [stop, failed] = std::from_chars(text.data(), end, read);
        if (failed == std::errc::invalid_argument || stop != end) return wrong("is not a whole number");
        if (failed != std::errc{} || read < of.least || read > of.most) return wrong("is out of range");
        value = read;
        return {};
    }

    complaint read_address(address& value) const {
        auto read = parse_address(text);
        if (!read) return wrong(fmt::format("is not an address: {}", read.error().message()));
        value = std::move(*read);
        return {};
    }

    complaint operator()(bool settings::*member) const {
        const bool yes = text == "true" || text == "1";
        if (!yes && text != "false" && text != "0") return wrong("is neither");
        into.*member = yes;
        return {};
    }

    complaint operator()(std::size_t settings::*member) const { return number(into.*member); }

    complaint operator()(std::chrono::milliseconds settings::*member) const {
        std::size_t count = 0;
        if (auto why = number(count)) return why;
        into.*member = std::chrono::milliseconds{count};
        return {};
    }

    complaint operator()(std::string settings::*member) const {
        // Not shown: it may be a password.
        if (text.size() > of.most) return fmt::format("the value is too long; give {}", values_of(of));
        if (text.size() < of.least) return fmt::format("the value is too short; give {}", values_of(of));
        if (std::any_of(text.begin(), text.end(), is_control)) return "the value holds a control character";
        into.*member = text;
        return {};
    }

    complaint operator()(address settings::*member) const { return read_address(into.*member); }

    complaint operator()(std::optional<address> settings::*member) const {
        if (text.empty() || text == "off") {
            (into.*member).reset();
            return {};
        }
        address read;
        if (auto why = read_address(read)) return why;
        into.*member = std::move(read);
        return {};
    }

    complaint operator()(std::optional<redis_address> settings::*member) const {
        if (text == "embedded") {
            (into.*member).reset();
            return {};
        }
        // Not shown: there may be a password in it.
        if (text.size() > of.most) return fmt::format("the value is longer than {} bytes", of.most);
        auto read = parse_redis_address(text);
        if (!read) return fmt::format("the value is not a bus: {}; give {}", read.error().message(), values_of(of));
        into.*member = std::move(*read);
        return {};
    }

    complaint operator()(std::vector<std::string> settings::*) const {
        return "more than one text is needed"; // assign() does not send lists here
    }

    template <class Enum>
    complaint operator()(Enum settings::*member) const {
        bool found = false;
        boost::mp11::mp_for_each<boost::describe::describe_enumerators<Enum>>([&](auto enumerator) {
            if (text != enumerator.name) return;
            into.*member = enumerator.value;
            found = true;
        });
        return found ? complaint{} : wrong("is not known");
    }
};

constexpr std::size_t path_bytes_max = 4096;

complaint assign_list(std::vector<std::string>& into, const option& of, std::span<const std::string> texts) {
    if (texts.size() > of.most) return fmt::format("there are {} {}; give {}", texts.size(), of.unit, values_of(of));
    for (const auto& text : texts) {
        if (of.unit == "patterns") {
            if (auto why = check_origin_pattern(text)) return why;
        } else if (text.empty() || text.size() > path_bytes_max || std::ranges::any_of(text, is_control)) {
            return fmt::format("{} is no path of a file", in_quotes(text));
        }
    }
    into.assign(texts.begin(), texts.end());
    return {};
}

struct writer {
    const settings& from;

    std::string operator()(bool settings::*member) const { return from.*member ? "true" : "false"; }
    std::string operator()(std::size_t settings::*member) const { return fmt::to_string(from.*member); }
    std::string operator()(std::chrono::milliseconds settings::*member) const {
        return fmt::to_string((from.*member).count());
    }
    std::string operator()(std::string settings::*member) const { return from.*member; }
    std::string operator()(address settings::*member) const { return to_string(from.*member); }
    std::string operator()(std::optional<address> settings::*member) const {
        const auto& value = from.*member;
        return value ? to_string(*value) : "off";
    }
    std::string operator()(std::optional<redis_address> settings::*member) const {
        const auto& value = from.*member;
        return value ? to_string(*value) : "embedded";
    }
    std::string operator()(std::vector<std::string> settings::*member) const {
        return fmt::format("{}", fmt::join(from.*member, ","));
    }
    template <class Enum>
    std::string operator()(Enum settings::*member) const {
        return boost::describe::enum_to_string(from.*member, "");
    }
};

} // namespace

complaint assign(settings& into, const option& option, std::span<const std::string> texts) {
    if (const auto* list = std::get_if<std::vector<std::string> settings::*>(&option.target))
        return assign_list(into.*(*list), option, texts);
    if (texts.size() != 1) return fmt::format("it is given {} times; give it once", texts.size());
    return std::visit(reader{into, option, texts.front()}, option.target);
}

std::string text_of(const settings& from, const option& option) { return std::visit(writer{from}, option.target); }

std::string in_quotes(std::string_view text) {
    constexpr std::size_t shown_max = 80;
    std::string shown{text.substr(0, shown_max)};
    std::replace_if(
        shown.begin(), shown.end(), [](char letter) { return letter != ' ' && !is_printable(letter); }, '?');
    return fmt::format("'{}{}'", shown, text.size() > shown_max ? "..." : "");
}

} // namespace carillon::config
