#include "outward/message.hpp"

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/write.hpp>
#include <gtest/gtest.h>

#include <sstream>

namespace carillon::outward {
namespace {

std::string written(request what) {
    std::ostringstream out;
    out << make_message("/hook?x=1", "app:8080", std::move(what));
    return out.str();
}

TEST(message, a_post_is_as_long_as_its_body) {
    EXPECT_EQ(written({.fields = {{"X-Real-Ip", "10.0.0.1"}}, .body = "{}"}),
              "POST /hook?x=1 HTTP/1.1\r\nHost: app:8080\r\nUser-Agent: carillon/" CARILLON_VERSION
              "\r\nAccept: application/json\r\nContent-Type: application/json\r\nX-Real-Ip: 10.0.0.1\r\n"
              "Content-Length: 2\r\n\r\n{}");
}

TEST(message, a_get_has_no_body) {
    EXPECT_EQ(written({.how = method::get}), "GET /hook?x=1 HTTP/1.1\r\nHost: app:8080\r\nUser-Agent: "
                                             "carillon/" CARILLON_VERSION "\r\nAccept: application/json\r\n\r\n");
}

TEST(message, what_frames_it_is_not_passed_on) {
    const std::string plain = written({.body = "{}"});
    const field rows[] = {
        {"Host", "evil"},
        {"content-length", "0"},
        {"Transfer-Encoding", "chunked"},
        {"CONNECTION", "close"},
        {"Keep-Alive", "x"},
        {"Upgrade", "x"},
        {"TE", "trailers"},
        {"Trailer", "x"},
        {"Expect", "100-continue"},
        {"a b", "x"},
        {"", "x"},
        {"X", "a\r\nY: b"},
        {"X\r\nY", "b"},
        {"X", std::string{"a\0b", 3}},
    };
    for (const field& each : rows) EXPECT_EQ(written({.fields = {each}, .body = "{}"}), plain) << each.name;
}

TEST(message, a_field_may_come_twice) {
    const std::string text = written({.fields = {{"X", "1"}, {"X", "2"}}});
    EXPECT_NE(text.find("X: 1\r\nX: 2\r\n"), text.npos) << text;
}

} // namespace
} // namespace carillon::outward
