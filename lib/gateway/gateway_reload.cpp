#include "backend/token_keys.hpp"
#include "config/reload.hpp"
#include "config/rules.hpp"
#include "gateway/bus_place.hpp"
#include "gateway/gateway.hpp"
#include "protocol/payload.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

// A configuration that is read anew while everybody is served.
namespace carillon::gateway {

namespace asio = boost::asio;

namespace {

void append_list(std::string& into, const std::vector<std::string>& names) {
    into += '[';
    for (const std::string& each : names) {
        if (!into.ends_with('[')) into += ',';
        protocol::append_json_string(into, each);
    }
    into += ']';
}

std::string list_of(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

} // namespace

std::string in_words(const reload_outcome& of) {
    if (!of.wrong.empty()) return "the configuration stays as it was: " + of.wrong;
    std::string text = of.what.at_once.empty() ? "nothing has changed that can change at once"
                                               : "the configuration has changed: " + list_of(of.what.at_once);
    if (!of.what.after_restart.empty()) text += "; a restart is needed for " + list_of(of.what.after_restart);
    return text;
}

// Everything is read and checked before anything is taken.
reload_outcome gateway::reload() {
    supervisor_.reloading();
    reload_outcome made = read_and_take();
    supervisor_.ready();
    return made;
}

reload_outcome gateway::read_and_take() {
    reload_outcome made;
    backend::token_keys keys;
    std::optional<config::settings> wanted;
    if (!read_again_) {
        made.wrong = "it cannot be read anew";
    } else if (stopping_) {
        made.wrong = "the gateway is shutting down";
    } else {
        loading::outcome read = read_again_();
        wanted = std::move(read.value);
        if (!wanted) {
            made.wrong = std::move(read.text);
        } else if (auto why = backend::read_token_keys(*wanted, keys)) {
            made.wrong = std::move(*why);
        } else if (encryption_) {
            if (auto odd = encryption_->reload(settings_)) made.wrong = std::move(*odd); // the last that can be wrong
        }
    }
    ++(made.wrong.empty() ? reloads_done_ : reloads_refused_);
    if (!made.wrong.empty()) return made;
    made.what = config::changes_between(loaded_, *wanted);
    // Files that may hold other keys now, under the same names.
    for (const char* const key : {"token_public_key_files", "subscription_token_public_key_files"}) {
        const bool is_first = std::string_view{key}.starts_with("token");
        const auto& files = is_first ? wanted->token_public_key_files : wanted->subscription_token_public_key_files;
        if (!files.empty() && std::ranges::find(made.what.at_once, key) == made.what.at_once.end())
            made.what.at_once.emplace_back(key);
    }
    loaded_ = config::with_reloadable(loaded_, *wanted);
    settings_ = config::with_reloadable(settings_, *wanted);
    take_settings(keys);
    return made;
}

void gateway::take_settings(const backend::token_keys& fixed) {
    spdlog::set_level(static_cast<spdlog::level::level_enum>(settings_.log_level));
    if (api_route_) api_route_->use_keys(api_access_of(settings_));
    if (api_) api_->use_rules(settings_);
    if (upstream_) upstream_->use_login(logins_of(settings_));
    const backend::token_keys& keys = outside_->use_fixed(fixed);
    const auto how = std::make_shared<const config::settings>(settings_);
    for (const auto& each : shards_) {
        asio::post(each->context(), [to = each.get(), how, keys] { to->reconfigure(*how, keys); });
    }
}

void gateway::on_hangup(int number) {
    const reload_outcome done = reload();
    const auto level = done.wrong.empty() ? spdlog::level::info : spdlog::level::warn;
    spdlog::log(level, "signal {} (SIGHUP): {}", number, in_words(done));
}

void gateway::offer_reload() {
    reload_route_.emplace(api_route_->keys(), 0, [this](std::string body) { return reload_by_order(std::move(body)); });
    control_routes_.add("/api/reload", *reload_route_);
}

asio::awaitable<control::response> gateway::reload_by_order(std::string) {
    const reload_outcome done = reload();
    spdlog::log(done.wrong.empty() ? spdlog::level::info : spdlog::level::warn, "reload: {}", in_words(done));
    if (!done.wrong.empty()) co_return control::response{.status = 400, .body = in_words(done) + "\n", .fields = {}};
    std::string body = R"({"result":{"changed":)";
    append_list(body, done.what.at_once);
    body += R"(,"restart_needed":)";
    append_list(body, done.what.after_restart);
    body += "}}\n";
    co_return control::response{
        .status = 200, .content_type = "application/json", .body = std::move(body), .fields = {}};
}

} // namespace carillon::gateway
