#pragma once

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace carillon::migrate {

enum class language : std::uint8_t { json, yaml, toml };

/// By the end of the file's name: .yaml and .yml, .toml, everything else is JSON.
language language_of(std::string_view path) noexcept;

/// A configuration as one value, an object; or one line that says why it cannot be read.
std::variant<boost::json::object, std::string> read_configuration(std::string_view text, language written_in);

} // namespace carillon::migrate
