#include "control/admin_route.hpp"

#include "base/check.hpp"
#include "control/pages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace carillon::control {

namespace {

constexpr std::string_view top = "/admin/api/";
constexpr std::string_view cookie_name = "carillon_admin=";
// What the page has buttons for. The rest of the server API is for back ends.
constexpr std::array<std::string_view, 7> methods{"info",     "channels", "history",   "presence_stats",
                                                  "presence", "publish",  "disconnect"};

std::string_view wanted_in(std::string_view path) {
    return path.starts_with(top) ? path.substr(top.size()) : std::string_view{};
}

// Of a header like "a=1; carillon_admin=2f; b=3".
std::string_view cookie_in(std::string_view header) {
    while (!header.empty()) {
        const std::size_t end = std::min(header.find(';'), header.size());
        std::string_view each = header.substr(0, end);
        header.remove_prefix(std::min(end + 1, header.size()));
        each.remove_prefix(std::min(each.find_first_not_of(' '), each.size()));
        if (each.starts_with(cookie_name)) return each.substr(cookie_name.size());
    }
    return {};
}

response answered(unsigned status, std::string body, std::string type = "text/plain; charset=utf-8") {
    return {.status = status,
            .content_type = std::move(type),
            .body = std::move(body),
            .fields = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}};
}

} // namespace

admin_route::admin_route(std::optional<admin_sessions> sessions, std::size_t body_bytes_max, api_backend& backend,
                         std::map<std::string, handler, std::less<>> more, told on_login)
    : sessions_{std::move(sessions)}, body_bytes_max_{body_bytes_max}, decoder_{api::limits{.body_bytes_max =
                                                                                                body_bytes_max}},
      backend_{&backend}, more_{std::move(more)}, on_login_{std::move(on_login)} {}

std::optional<response> admin_route::refuse(const request_facts& head) {
    if (head.method != "POST") {
        response only = answered(405, "Only POST is allowed here.\n");
        only.fields.emplace_back("Allow", "POST");
        return only;
    }
    if (head.field("X-Carillon-Admin").empty()) return answered(403, "This is for the admin page.\n");
    const bool may = !sessions_ || wanted_in(head.path) == "login" ||
                     sessions_->knows(cookie_in(head.field("Cookie")), admin_sessions::clock::now());
    if (!may) return answered(401, "Log in first.\n");
    if (head.body_bytes && *head.body_bytes > body_bytes_max_) return too_large(head);
    return std::nullopt;
}

response admin_route::too_large(const request_facts&) {
    return answered(413, fmt::format("The body is larger than {} bytes.\n", body_bytes_max_));
}

boost::asio::awaitable<response> admin_route::answer(const request_facts& head, std::string body) {
    const std::string wanted{wanted_in(head.path)};
    if (wanted == "login") co_return log_in(head, body);
    if (wanted == "logout") co_return log_out(head);
    if (const auto other = more_.find(wanted); other != more_.end()) {
        response made = co_await other->second();
        made.fields.emplace_back("Cache-Control", "no-store");
        co_return made;
    }
    if (std::ranges::find(methods, wanted) == methods.end()) co_return answered(404, "Not found.\n");
    auto decoded = decoder_.decode(wanted, body);
    if (const auto* wrong = std::get_if<api::mistake>(&decoded)) co_return answered(400, wrong->sentence + "\n");
    std::vector<api::command> commands;
    commands.push_back(std::move(std::get<api::command>(std::get<api::request>(decoded))));
    const auto replies = co_await backend_->carry_out(std::move(commands), false);
    CHECK(replies.size() == 1);
    response made = answered(200, {}, "application/json");
    api::append_reply(made.body, replies[0]);
    co_return made;
}

response admin_route::log_in(const request_facts& head, const std::string& password) {
    if (!sessions_) return answered(200, "welcome\n");
    std::string cookie;
    const auto said = sessions_->log_in(password, admin_sessions::clock::now(), cookie);
    on_login_(said);
    switch (said) {
    case admin_sessions::verdict::wrong: return answered(401, "This is not the password.\n");
    case admin_sessions::verdict::too_many: {
        response later = answered(429, "Too many attempts: wait a little.\n");
        later.fields.emplace_back("Retry-After", fmt::to_string(admin_sessions::attempt_every.count()));
        return later;
    }
    case admin_sessions::verdict::welcome: break;
    }
    response made = answered(200, "welcome\n");
    const bool is_encrypted = head.encrypted || head.field("X-Forwarded-Proto") == "https";
    made.fields.emplace_back("Set-Cookie",
                             fmt::format("{}{}; Path=/admin; Max-Age={}; HttpOnly; SameSite=Strict{}", cookie_name,
                                         cookie, sessions_->lifetime().count(), is_encrypted ? "; Secure" : ""));
    return made;
}

response admin_route::log_out(const request_facts& head) {
    if (sessions_) sessions_->log_out(cookie_in(head.field("Cookie")));
    response made = answered(200, "goodbye\n");
    made.fields.emplace_back("Set-Cookie",
                             std::string{cookie_name} + "; Path=/admin; Max-Age=0; HttpOnly; SameSite=Strict");
    return made;
}

void add_admin_page(route_table& routes) {
    const auto add = [&routes](std::string path, std::string_view name, std::string type) {
        const auto bytes = page_file(name);
        CHECK(bytes.has_value());
        response page = answered(200, std::string{*bytes}, std::move(type));
        page.fields = {{"Content-Security-Policy",
                        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
                       {"X-Content-Type-Options", "nosniff"},
                       {"Referrer-Policy", "no-referrer"},
                       {"Cache-Control", "no-cache"}};
        routes.add(std::move(path), page);
    };
    add("/admin", "admin.html", "text/html; charset=utf-8");
    add("/admin/", "admin.html", "text/html; charset=utf-8");
    add("/admin/admin.css", "admin.css", "text/css; charset=utf-8");
    add("/admin/admin.js", "admin.js", "text/javascript; charset=utf-8");
    add("/admin/favicon.svg", "favicon.svg", "image/svg+xml");
}

} // namespace carillon::control
