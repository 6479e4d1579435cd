#pragma once

#include "channels/name_space.hpp"
#include "config/rules.hpp"
#include "loading/sources.hpp"

#include <toml++/toml.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The tables `[[namespace]]` of the file.
namespace carillon::loading {

/// Everything there is to know about one key of a namespace, written once, in loading/name_spaces.cpp.
/// docs/channels.md follows from it.
struct name_space_key {
    using place =
        std::variant<bool channels::name_space::*, std::string channels::name_space::*,
                     channels::audience channels::name_space::*, std::size_t channels::name_space::*,
                     std::chrono::seconds channels::name_space::*, channels::recovery_mode channels::name_space::*,
                     channels::slow_consumer_policy channels::name_space::*,
                     channels::delta_types channels::name_space::*>;
    using check = complaint (*)(const std::string& text);

    std::string_view key;
    place target;
    channels::audience of{};    ///< for a list: who may be in it
    check is_good = nullptr;    ///< for a text
    std::int64_t most = 0;      ///< for a number, which is at least 0 (1, if it is of seconds)
    std::string_view otherwise; ///< what holds without it
    std::string_view help;
};

/// The keys that a namespace has.
std::span<const name_space_key> name_space_keys();

/// What may be given: "an array, any of anonymous, client, token".
std::string values_of(const name_space_key& key);

/// Reads what the file's key `namespace` holds, whatever it is. The complaint is one line and names its source.
complaint read_name_spaces(const std::string& path, const toml::node& node, std::vector<placed_name_space>& into);

/// Checks that some channel's name can be in each of them, as long as names may be.
complaint check_name_spaces(std::span<const placed_name_space> all, const settings& values, const origins& set_by);

/// Checks that the namespace of personal channels is there.
complaint check_personal_channel(const settings& values, const origins& set_by);

} // namespace carillon::loading
