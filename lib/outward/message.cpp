#include "outward/message.hpp"

#include "http/ascii.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace carillon::outward {

namespace bhttp = boost::beast::http;

namespace {

// They frame the message or belong to one connection (RFC 9110 §7.6.1): passed on, they would let whoever has sent them
// say where our request ends.
constexpr std::array<std::string_view, 12> not_passed_on{
    "host", "content-length", "transfer-encoding",   "connection", "keep-alive",      "proxy-connection", "upgrade",
    "te",   "trailer",        "proxy-authorization", "expect",     "content-encoding"};

} // namespace

bool may_be_sent(std::string_view name) noexcept {
    return http::is_field_name(name) && std::ranges::none_of(not_passed_on, [&](std::string_view each) {
               return http::same_ignoring_case(each, name);
           });
}

http_message make_message(const std::string& target, const std::string& authority, request what) {
    constexpr unsigned version = 11; // HTTP/1.1, as Beast writes it
    http_message made{what.how == method::get ? bhttp::verb::get : bhttp::verb::post, target, version};
    made.set(bhttp::field::host, authority);
    made.set(bhttp::field::user_agent, "carillon/" CARILLON_VERSION);
    made.set(bhttp::field::accept, "application/json");
    if (what.how == method::post) made.set(bhttp::field::content_type, "application/json");
    for (const field& each : what.fields) {
        if (!may_be_sent(each.name) || !http::is_field_value(each.value)) continue;
        if (http::same_ignoring_case(each.name, "User-Agent")) made.erase(bhttp::field::user_agent); // the client's own
        if (http::same_ignoring_case(each.name, "Accept")) made.erase(bhttp::field::accept);
        made.insert(each.name, each.value);
    }
    made.body() = std::move(what.body);
    made.prepare_payload();
    return made;
}

} // namespace carillon::outward
