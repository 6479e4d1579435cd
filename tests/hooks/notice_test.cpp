#include "hooks/notice.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace carillon::hooks {
namespace {

TEST(notice, has_what_its_event_has) {
    const std::pair<notice, std::string> rows[] = {
        {{.about = event::connected, .client = "c", .user = "4\"2"},
         R"({"event":"connected","time":1500,"client":"c","user":"4\"2"})"},
        {{.about = event::disconnected, .client = "c", .user = "", .code = 3503, .reason = "force disconnect"},
         R"({"event":"disconnected","time":1500,"client":"c","user":"","code":3503,"reason":"force disconnect"})"},
        {{.about = event::occupied, .channel = "chat:1"}, R"({"event":"occupied","time":1500,"channel":"chat:1"})"},
        {{.about = event::vacated, .channel = "chat:1"}, R"({"event":"vacated","time":1500,"channel":"chat:1"})"},
    };
    for (const auto& [what, text] : rows) EXPECT_EQ(text_of(what, std::chrono::milliseconds{1500}), text);
    EXPECT_EQ(text_of("started", std::chrono::milliseconds{1}), R"({"event":"started","time":1})");
}

} // namespace
} // namespace carillon::hooks
