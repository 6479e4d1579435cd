#pragma once

#include "migrate/migration.hpp"

#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::migrate {

/// The other configuration, option by option, under the names that Centrifugo v6 has for them
/// ("client.token.audience"), whichever version wrote it.
class old_options {
public:
    explicit old_options(const boost::json::object& configuration);

    struct option {
        std::string path;    ///< as v6 has it
        std::string written; ///< as the configuration has it
        const boost::json::value* value;
        bool looked_at = false;
    };

    /// The option, which counts as looked at from now on; or null.
    const option* take(std::string_view path);
    /// All below "channel.without_namespace", say, looked at.
    std::vector<const option*> take_below(std::string_view path);
    /// Those that nobody has looked at.
    std::vector<const option*> rest() const;

private:
    void add(const std::string& path, const std::string& written, const boost::json::value& value, int depth);

    std::vector<option> all_;
};

// What is in a value; Centrifugo takes numbers and truth in quotes, too. None: it is something else.

std::optional<std::string> text_in(const boost::json::value& from);
std::optional<std::int64_t> number_in(const boost::json::value& from);
std::optional<bool> truth_in(const boost::json::value& from);
std::optional<std::vector<std::string>> texts_in(const boost::json::value& from);
/// As Go writes times: "300s", "1h30m", "500ms".
std::optional<std::chrono::milliseconds> time_in(const boost::json::value& from);
/// Off, zero or empty: as if it were not there.
bool says_nothing(const boost::json::value& value);

/// The member, or null.
const boost::json::value* member_of(const boost::json::object& of, std::string_view name);
/// Whether the member is there and true.
bool is_true(const boost::json::object& of, std::string_view name);

} // namespace carillon::migrate
