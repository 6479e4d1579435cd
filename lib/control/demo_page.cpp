#include "base/check.hpp"
#include "control/pages.hpp"

#include <string>

namespace carillon::control {

namespace {

void add_file(route_table& routes, std::string path, std::string_view name, std::string type) {
    const auto bytes = page_file(name);
    CHECK(bytes.has_value());
    response answer{.status = 200, .content_type = std::move(type), .body = std::string{*bytes}, .fields = {}};
    // Nothing but the page's own files, and WebSockets, which not every browser counts to 'self'.
    answer.fields = {{"Content-Security-Policy", "default-src 'self'; connect-src 'self' ws: wss:"},
                     {"X-Content-Type-Options", "nosniff"},
                     {"Cache-Control", "no-cache"}};
    routes.add(std::move(path), answer);
}

} // namespace

void add_demo_page(route_table& routes) {
    add_file(routes, "/", "index.html", "text/html; charset=utf-8");
    add_file(routes, "/mailbox.css", "mailbox.css", "text/css; charset=utf-8");
    add_file(routes, "/mailbox.js", "mailbox.js", "text/javascript; charset=utf-8");
    add_file(routes, "/favicon.svg", "favicon.svg", "image/svg+xml");
    add_file(routes, "/favicon.ico", "favicon.svg", "image/svg+xml");
}

} // namespace carillon::control
