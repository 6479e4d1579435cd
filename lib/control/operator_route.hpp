#pragma once

#include "control/api_route.hpp"
#include "control/routes.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <string>

namespace carillon::control {

/// One thing that operators ask of this gateway itself, with a POST and a key of the server API. Thread: the control
/// plane's.
class operator_route final : public post_route {
public:
    using action = std::function<boost::asio::awaitable<response>(std::string body)>;

    /// `keys` outlive the route.
    operator_route(const api_keys& keys, std::size_t body_bytes_max, action what)
        : keys_{&keys}, body_bytes_max_{body_bytes_max}, what_{std::move(what)} {}

    std::optional<response> refuse(const request_facts& head) override;
    std::size_t body_bytes_max() const noexcept override { return body_bytes_max_; }
    response too_large(const request_facts& head) override;
    boost::asio::awaitable<response> answer(const request_facts& head, std::string body) override;

private:
    const api_keys* keys_;
    std::size_t body_bytes_max_;
    action what_;
};

} // namespace carillon::control
