#pragma once

#include "loading/sources.hpp"

#include <toml++/toml.h>

#include <string>
#include <string_view>
#include <vector>

/// The keys of the server API: those of `api_key` and its file, and the tables `[[api_key]]`.
namespace carillon::loading {

/// A key goes into a header field, so it is a word.
bool is_api_key(std::string_view text);
inline constexpr std::string_view what_an_api_key_is =
    "a key is a word of at most 512 letters, digits and signs of ASCII";

/// Reads what the file's key `api_key` holds, if that is a table or several. The complaint is one line and names its
/// source, but no key.
complaint read_api_key_tables(const std::string& path, const toml::node& node, std::vector<placed_api_key>& into);

/// Reads the files that the tables name, and checks that no key is there twice. They come behind those of `values`.
complaint take_api_keys(std::vector<placed_api_key>& all, settings& values);

} // namespace carillon::loading
