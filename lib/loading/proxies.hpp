#pragma once

#include "config/proxy.hpp"
#include "config/rules.hpp"
#include "loading/sources.hpp"

#include <toml++/toml.h>

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The tables `[[proxy]]` of the file.
namespace carillon::loading {

/// Everything there is to know about one key of a proxy, written once, in loading/proxies.cpp. docs/proxy.md follows
/// from it.
struct proxy_key {
    using place = std::variant<std::string proxy::*, std::size_t proxy::*, std::chrono::milliseconds proxy::*,
                               std::vector<std::string> proxy::*, std::vector<hooks::event> proxy::*,
                               std::vector<std::pair<std::string, std::string>> proxy::*>;

    std::string_view key;
    place target;
    std::size_t least = 0; ///< for numbers
    std::size_t most = 0;  ///< for numbers; for texts and lists: how long
    std::string_view unit;
    std::string_view help;
};

/// The keys that a proxy has.
std::span<const proxy_key> proxy_keys();

/// What may be given: "a whole number from 1 to 1024 (connections)".
std::string values_of(const proxy_key& key);
/// What holds without it, as it would be written.
std::string default_of(const proxy_key& key);

/// Reads what the file's key `proxy` holds, whatever it is. The complaint is one line and names its source.
complaint read_proxies(const std::string& path, const toml::node& node, std::vector<placed_proxy>& into);

/// Checks that their namespaces are there, and that no two are asked about the same.
complaint check_proxies(std::span<const placed_proxy> all, const settings& values);

} // namespace carillon::loading
