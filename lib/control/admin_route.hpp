#pragma once

#include "api/decoder.hpp"
#include "control/admin_sessions.hpp"
#include "control/api_route.hpp"
#include "control/routes.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::control {

/// What the admin page asks for: POST /admin/api/login, logout, and then the commands of the server API that the page
/// has (/admin/api/publish) and what else the gateway tells it (`more`). Whoever asks must have logged in, unless
/// somebody before the gateway sees to that, and must be the page: other pages cannot send its header without asking
/// first, which is refused. Thread: the control plane's.
class admin_route final : public post_route {
public:
    using told = std::function<void(admin_sessions::verdict)>;

    /// No `sessions`: whoever comes has logged in elsewhere.
    admin_route(std::optional<admin_sessions> sessions, std::size_t body_bytes_max, api_backend& backend,
                std::map<std::string, handler, std::less<>> more, told on_login);

    std::optional<response> refuse(const request_facts& head) override;
    std::size_t body_bytes_max() const noexcept override { return body_bytes_max_; }
    response too_large(const request_facts& head) override;
    boost::asio::awaitable<response> answer(const request_facts& head, std::string body) override;

private:
    response log_in(const request_facts& head, const std::string& password);
    response log_out(const request_facts& head);

    std::optional<admin_sessions> sessions_;
    std::size_t body_bytes_max_;
    api::decoder decoder_;
    api_backend* backend_;
    std::map<std::string, handler, std::less<>> more_;
    told on_login_;
};

/// The page itself: /admin/ and its files.
void add_admin_page(route_table& routes);

} // namespace carillon::control
