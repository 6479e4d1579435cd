#include "loading/load.hpp"

#include "config/rules.hpp"
#include "loading/api_keys.hpp"
#include "loading/name_spaces.hpp"
#include "loading/proxies.hpp"
#include "loading/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace carillon::loading {
namespace {

constexpr int exit_valid = 0, exit_invalid = 2;

/// The file named by the flags, else by the environment, else none. Its text is checked like every other value.
complaint find_file(const std::vector<given>& environment, const std::vector<given>& flags, std::string& path) {
    for (const auto* source : {&environment, &flags})
        for (const auto& value : *source) {
            if (value.what->key != "config") continue;
            settings scratch;
            if (auto why = assign(scratch, *value.what, value.texts)) return fmt::format("{}: {}", value.source, *why);
            path = scratch.config;
        }
    return {};
}

complaint apply(const std::vector<given>& values, settings& into, origins& set_by) {
    for (const auto& value : values) {
        if (auto why = assign(into, *value.what, value.texts)) return fmt::format("{}: {}", value.source, *why);
        set_by[value.what->key] = value.source;
    }
    return {};
}

/// The content of the file named by `file_key` becomes the value of `key`, which must not be given, too.
complaint read_secret_file(settings& into, const origins& set_by, std::string_view what, std::string_view key,
                           std::string settings::*value, std::string_view file_key, const std::string& path) {
    if (path.empty()) return {};
    const auto& source = set_by.find(file_key)->second;
    if (!(into.*value).empty())
        return fmt::format("{}: the {} is also given by {}; give only one", source, what, set_by.find(key)->second);
    const auto* row = find_option(key);
    std::string content;
    auto why = read_content(path, row->most + 2, content); // and a newline of one or two bytes
    if (why) return fmt::format("{}: {} {}", source, in_quotes(path), *why);
    if (content.ends_with('\n')) content.pop_back();
    if (content.ends_with('\r')) content.pop_back();
    if (content.empty()) return fmt::format("{}: {} is empty", source, in_quotes(path));
    why = assign(into, *row, std::span{&content, 1});
    if (why) return fmt::format("{}: in {}: {}", source, in_quotes(path), *why);
    return {};
}

complaint read_api_keys(settings& into, const origins& set_by) {
    constexpr std::size_t file_bytes_max = 65'536;
    constexpr std::string_view what = what_an_api_key_is;
    if (into.api_key_file.empty()) {
        if (into.api_key.empty()) return {};
        if (!is_api_key(into.api_key)) return fmt::format("{}: {}", set_by.at("api_key"), what);
        return {};
    }
    const auto& source = set_by.at("api_key_file");
    if (!into.api_key.empty())
        return fmt::format("{}: the key is also given by {}; give only one", source, set_by.at("api_key"));
    std::string content;
    if (auto why = read_content(into.api_key_file, file_bytes_max, content))
        return fmt::format("{}: {} {}", source, in_quotes(into.api_key_file), *why);
    std::istringstream lines{content};
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.ends_with('\r')) line.pop_back();
        if (line.empty()) continue;
        if (!is_api_key(line))
            return fmt::format("{}: {} line {}: {}", source, in_quotes(into.api_key_file), number, what);
        into.api_key += into.api_key.empty() ? line : "\n" + line;
    }
    if (into.api_key.empty()) return fmt::format("{}: {} is empty", source, in_quotes(into.api_key_file));
    return {};
}

complaint read_admin_password(settings& into, const origins& set_by) {
    constexpr std::size_t bytes_min = 12;
    if (auto why = read_secret_file(into, set_by, "password", "admin_password", &settings::admin_password,
                                    "admin_password_file", into.admin_password_file))
        return why;
    if (into.admin_password.empty()) return {};
    const auto& source = set_by.at(into.admin_password_file.empty() ? "admin_password" : "admin_password_file");
    if (into.admin_password.size() < bytes_min)
        return fmt::format("{}: the password of the admin page has at least {} bytes", source, bytes_min);
    if (into.admin_behind_proxy)
        return fmt::format("{}: with admin_behind_proxy no password is asked for; give only one", source);
    return {};
}

complaint read_secret_files(settings& into, const origins& set_by) {
    if (auto why = read_admin_password(into, set_by)) return why;
    if (auto why = read_secret_file(into, set_by, "bus password", "bus_password", &settings::bus_password,
                                    "bus_password_file", into.bus_password_file))
        return why;
    if (auto why = read_secret_file(into, set_by, "password of the Sentinels", "bus_sentinel_password",
                                    &settings::bus_sentinel_password, "bus_sentinel_password_file",
                                    into.bus_sentinel_password_file))
        return why;
    if (auto why = read_secret_file(into, set_by, "secret", "token_hmac_secret", &settings::token_hmac_secret,
                                    "token_hmac_secret_file", into.token_hmac_secret_file))
        return why;
    return read_secret_file(into, set_by, "secret", "subscription_token_hmac_secret",
                            &settings::subscription_token_hmac_secret, "subscription_token_hmac_secret_file",
                            into.subscription_token_hmac_secret_file);
}

/// Whoever may connect without a token should at least be on the same machine; and nobody waits for the end of it.
void fit_development(settings& into, const origins& set_by) {
    if (!into.dev) return;
    if (!set_by.contains("client_listen")) into.client_listen.host = "localhost";
    if (!set_by.contains("control_listen")) into.control_listen.host = "localhost";
    if (!set_by.contains("drain_window_ms")) into.drain_window = std::chrono::milliseconds{0};
}

/// The external bus, if there is one, takes the place of the bus door, and its password may be the door's.
complaint connect_outside(settings& into, const origins& set_by) {
    if (!into.bus) return {};
    if (!set_by.contains("bus_listen")) into.bus_listen.reset();
    auto& bus = *into.bus;
    const auto& source = set_by.at("bus");
    if (!into.bus_password.empty()) {
        const auto* key = into.bus_password_file.empty() ? "bus_password" : "bus_password_file";
        if (!bus.password.empty())
            return fmt::format("{}: the password in it is also given by {}; give only one", source, set_by.at(key));
        bus.password = into.bus_password;
    }
    if (bus.user != "default" && bus.password.empty())
        return fmt::format("{}: the user has no password; write USER:PASSWORD or give bus-password", source);
    return {};
}

complaint read_all(program which, const command_line& flags, const environment& variables, std::size_t cores,
                   const further_check& check, settings& into) {
    std::vector<given> from_environment;
    file_content from_file;
    if (auto why = read_environment(which, variables, from_environment)) return why;
    std::string path;
    if (auto why = find_file(from_environment, flags.values, path)) return why;
    if (!path.empty())
        if (auto why = read_file(which, path, from_file)) return why;

    origins set_by;
    for (const auto* source : {&std::as_const(from_file.values), &std::as_const(from_environment), &flags.values})
        if (auto why = apply(*source, into, set_by)) return why;
    fit_development(into, set_by);
    if (auto why = read_secret_files(into, set_by)) return why;
    if (auto why = read_api_keys(into, set_by)) return why;
    if (auto why = take_api_keys(from_file.api_keys, into)) return why;
    if (auto why = connect_outside(into, set_by)) return why;
    if (auto why = check_name_spaces(from_file.namespaces, into, set_by)) return why;
    for (auto& each : from_file.namespaces) into.namespaces.push_back(std::move(each.value));
    if (auto why = check_personal_channel(into, set_by)) return why;
    if (auto why = check_proxies(from_file.proxies, into)) return why;
    for (auto& each : from_file.proxies) into.proxies.push_back(std::move(each.value));
    fit_defaults(into, set_by, cores);
    if (auto why = check_rules(which, into, set_by, cores)) return why;
    return check ? check(into) : complaint{};
}

outcome refuse(std::string line) {
    // A path may hold anything; the promise is one line.
    std::replace_if(
        line.begin(), line.end(), [](char letter) { return (letter >= 0 && letter < ' ') || letter == 0x7f; }, '?');
    return {std::nullopt, {}, std::move(line), exit_invalid};
}

} // namespace

outcome load(program which, int argc, const char* const* argv, const environment& variables, std::size_t cores,
             const further_check& check) {
    command_line flags;
    if (auto why = read_flags(which, argc, argv, flags)) return refuse(std::move(*why));
    if (flags.help) return {std::nullopt, {}, help_text(which), exit_valid};
    if (flags.version) return {std::nullopt, {}, fmt::format("{} " CARILLON_VERSION, name_of(which)), exit_valid};
    settings values;
    if (auto why = read_all(which, flags, variables, cores, check, values)) return refuse(std::move(*why));
    if (flags.check_config) return {std::nullopt, {}, "configuration is valid", exit_valid};
    return {std::move(values), flags.health, {}, exit_valid};
}

outcome load(int argc, const char* const* argv, const environment& variables, std::size_t cores) {
    return load(program::gateway, argc, argv, variables, cores);
}

} // namespace carillon::loading
