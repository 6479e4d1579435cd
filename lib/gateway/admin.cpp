// The admin page's end of the gateway.
#include "gateway/configuration_in_force.hpp"
#include "gateway/gateway.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <string>

namespace carillon::gateway {

namespace {

void log_login(control::admin_sessions::verdict what) {
    using verdict = control::admin_sessions::verdict;
    switch (what) {
    case verdict::welcome: spdlog::info("admin page: somebody has logged in"); return;
    case verdict::wrong: spdlog::warn("admin page: a wrong password"); return;
    case verdict::too_many: return; // of these there may be very many
    }
}

} // namespace

// On the control port only, and not without somebody who sees to it who comes.
void gateway::offer_admin() {
    if (role_ != role::gateway || (settings_.admin_password.empty() && !settings_.admin_behind_proxy)) return;
    if (!api_) api_.emplace(control_context_, shards_, settings_);
    std::map<std::string, control::handler, std::less<>> more;
    more["metrics"] = [this] { return metrics(); };
    more["readyz"] = [this] { return ready(); };
    more["configuration"] = [this] { return configuration(); };
    std::optional<control::admin_sessions> sessions;
    if (!settings_.admin_behind_proxy)
        sessions.emplace(settings_.admin_password, std::chrono::seconds{settings_.admin_session_s});
    admin_route_.emplace(std::move(sessions), settings_.api_body_bytes_max, *api_, std::move(more), log_login);
    control::add_admin_page(control_routes_);
    control_routes_.add("/admin/api", *admin_route_);
}

boost::asio::awaitable<control::response> gateway::configuration() {
    co_return control::response{
        .content_type = "application/json", .body = configuration_in_force(settings_), .fields = {}};
}

} // namespace carillon::gateway
