#pragma once

#include "config/option.hpp"
#include "migrate/migration.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::migrate {

/// In quotes, as TOML has it.
inline std::string in_toml(std::string_view text) {
    std::string written = boost::json::serialize(boost::json::string_view{text.data(), text.size()});
    for (std::size_t at = 0; (at = written.find('\x7f', at)) != written.npos;) written.replace(at, 1, "\\u007f");
    return written;
}

inline std::string in_toml(const std::vector<std::string>& texts) {
    std::string written;
    for (const std::string& each : texts) written += (written.empty() ? "" : ", ") + in_toml(each);
    return "[" + written + "]";
}

/// Collects what becomes of the options, and the lines of the new file.
struct writing {
    migration& into;

    void line(std::string_view key, const std::string& value) const {
        into.toml += fmt::format("{} = {}\n", key, value);
    }
    void say(fate what, std::string option, std::string words) const {
        into.remarks.push_back({what, std::move(option), std::move(words)});
    }

    /// A number, if the option `key` takes one like it; otherwise it is left at its default.
    void number(const std::string& written, std::string_view key, std::int64_t value, std::string also = {}) const {
        const config::option& row = *config::find_option(key);
        if (value < 0 || static_cast<std::size_t>(value) < row.least || static_cast<std::size_t>(value) > row.most)
            return say(fate::differs, written,
                       fmt::format("{} takes {} to {} {}; it is left at {}", key, row.least, row.most, row.unit,
                                   config::default_of(row)));
        line(key, fmt::to_string(value));
        say(also.empty() ? fate::taken : fate::differs, written,
            fmt::format("{} = {}{}{}", key, value, also.empty() ? "" : "; ", also));
    }
};

} // namespace carillon::migrate
