#include "backend/token_keys.hpp"

#include "config/content.hpp"
#include "keys/key_set.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::backend {

namespace {

constexpr std::size_t key_file_bytes_max = 1024 * 1024;

using complaint = std::optional<std::string>;

complaint read(std::string_view option, const std::string& secret, const std::vector<std::string>& files,
               std::shared_ptr<const keys::key_set>& into) {
    if (secret.empty() && files.empty()) return {};
    auto keys = std::make_shared<keys::key_set>();
    if (!secret.empty()) {
        if (auto why = keys->add_secret(secret, fmt::format("{}_hmac_secret", option))) return std::move(why->sentence);
    }
    for (const std::string& path : files) {
        std::string text;
        if (auto why = config::read_content(path, key_file_bytes_max, text))
            return fmt::format("{}_public_key_files: {} {}", option, path, *why);
        const std::size_t first = text.find_first_not_of(" \t\r\n");
        const bool is_json = first != text.npos && text[first] == '{';
        auto why = is_json ? keys->add_jwks(text, path, keys::key_set::secrets::allowed) : keys->add_pem(text, path);
        if (why) return fmt::format("{}_public_key_files: {}", option, why->sentence);
    }
    into = std::move(keys);
    return {};
}

} // namespace

complaint read_token_keys(const config::settings& how, token_keys& into) {
    if (auto why = read("token", how.token_hmac_secret, how.token_public_key_files, into.connections)) return why;
    return read("subscription_token", how.subscription_token_hmac_secret, how.subscription_token_public_key_files,
                into.subscriptions);
}

void log_who_may_come(const config::settings& how, const token_keys& keys) {
    for (const auto& each : {keys.connections, keys.subscriptions}) {
        if (each == nullptr) continue;
        for (const std::string& remark : each->remarks()) spdlog::warn("{}", remark);
    }
    const bool application_says = std::ranges::any_of(how.proxies, [](const config::proxy& each) {
        return std::ranges::find(each.event, hooks::event::connect) != each.event.end();
    });
    if (how.dev || how.anonymous || keys.connections != nullptr || !how.token_jwks_url.empty() || application_says)
        return;
    spdlog::warn("nobody can connect: give a key for tokens (token_hmac_secret_file, token_public_key_files or "
                 "token_jwks_url), or let clients in without one (anonymous, or a proxy for connect), or try things "
                 "out with dev");
}

} // namespace carillon::backend
