#include "hooks/answer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

namespace carillon::hooks {
namespace {

std::string shown(const std::optional<auth::payload>& of) {
    return of ? fmt::format("{}{}", of->any_bytes ? "bytes " : "", of->bytes) : "none";
}

// In words that a table can hold.
std::string shown(const answer& what) {
    if (const auto* it = std::get_if<refusal>(&what))
        return fmt::format("error {} {}{}", it->code, it->message, it->temporary ? " temporary" : "");
    if (const auto* it = std::get_if<farewell>(&what)) return fmt::format("disconnect {} {}", it->code, it->reason);
    if (const auto* it = std::get_if<failure>(&what)) return "failure: " + it->why;
    if (std::holds_alternative<nothing_said>(what)) return "nothing";
    const auto& it = std::get<consent>(what);
    std::string out = "consent";
    if (!it.user.empty()) out += " user " + it.user;
    if (it.expire_at != 0) out += fmt::format(" until {}", it.expire_at);
    if (it.expired) out += " expired";
    if (it.skip_history) out += " skip";
    if (it.info) out += " info " + shown(it.info);
    if (it.data) out += " data " + shown(it.data);
    if (!it.meta.empty()) out += " meta " + it.meta;
    for (const auto& each : it.subscriptions)
        out += fmt::format(" [{} {} {}]", each.channel, shown(each.info), shown(each.data));
    return out;
}

TEST(answer, is_read_or_its_fault_is_told) {
    const std::string no_json = "failure: the answer is not one JSON object";
    const std::string wrong = "failure: a member of the answer has the wrong type: ";
    const std::string bad_end = "failure: the answer's disconnect has no code from 3000 to 4999, or too long a reason";
    const std::pair<std::string, std::string> rows[] = {
        {"{}", "nothing"},
        {R"({"result":null})", "nothing"},
        {R"({"other":1})", "nothing"},
        {R"({"result":{}})", "consent"},
        {R"({"result":{"user":"42","expire_at":1800000000,"meta":{"a":[1, 2]}}})",
         "consent user 42 until 1800000000 meta {\"a\":[1, 2]}"},
        {R"({"result":{"info":{"n":"x"},"data":5}})", R"(consent info {"n":"x"} data 5)"},
        {R"({"result":{"data":null}})", "consent"},
        {"{\"result\":{\"data\":{\"a\":\n1}}}", "consent data {\"a\": 1}"},
        {R"({"result":{"b64info":"e30=","info":1}})", "consent info bytes {}"},
        {R"({"result":{"info":1,"b64info":"e30="}})", "consent info bytes {}"},
        {R"({"result":{"b64data":"?"}})", wrong + "b64data"},
        {R"({"result":{"expired":true,"skip_history":true}})", "consent expired skip"},
        {R"({"result":{"channels":["b","a","b"]}})", "consent [a none none] [b none none]"},
        {R"({"result":{"channels":["a"],"subs":{"a":{"info":1},"b":{"data":[]}}}})", "consent [a 1 none] [b none []]"},
        {R"({"result":{"channels":[""]}})", wrong + "channels"},
        {R"({"result":{"channels":"a"}})", wrong + "channels"},
        {R"({"result":{"user":42}})", wrong + "user"},
        {R"({"result":{"expire_at":"soon"}})", wrong + "expire_at"},
        {R"({"result":[]})", wrong + "result"},
        {R"({"a\nb":[tru]})", wrong + "a b"},
        {R"({"error":{"code":1000,"message":"no"}})", "error 1000 no"},
        {R"({"error":{"code":1000,"message":"no","temporary":true},"result":{}})", "error 1000 no temporary"},
        {R"({"error":{}})", "failure: the answer's error has no code"},
        {R"({"error":{"code":-1}})", wrong + "code"},
        {R"({"disconnect":{"code":4500,"reason":"bye"}})", "disconnect 4500 bye"},
        {R"({"disconnect":{"code":4999,"reason":"bye","reconnect":false},"error":{"code":1}})", "disconnect 4999 bye"},
        {R"({"disconnect":{"code":2999}})", bad_end},
        {R"({"disconnect":{"code":5000}})", bad_end},
        {fmt::format(R"({{"disconnect":{{"code":4000,"reason":"{}"}}}})", std::string(124, 'x')), bad_end},
        {"", no_json},
        {"[]", no_json},
        {"null", no_json},
        {"no", no_json},
        {"{", no_json},
        {R"({"result":{}} x)", no_json},
        {R"({"other":"a":"b":,"more":1})", no_json},
        {R"({"result":{"user":")"
         "\xff"
         R"("}})",
         no_json},
        {"<html>", no_json},
    };
    reader reading;
    for (const auto& [body, expected] : rows) EXPECT_EQ(shown(reading.read(body)), expected) << body;
}

TEST(answer, of_any_bytes_is_read_without_harm) {
    std::mt19937 random{5};
    const std::string seeds[] = {R"({"result":{"user":"42","subs":{"a":{"info":{"b":[1,2]}}},"b64data":"e30="}})",
                                 R"({"disconnect":{"code":4500,"reason":"bye"},"error":{"code":1,"message":"x"}})"};
    reader reading;
    for (int round = 0; round < 20'000; ++round) {
        std::string text = seeds[random() % 2];
        for (std::size_t i = random() % 4; i-- > 0;) text[random() % text.size()] = static_cast<char>(random());
        if (random() % 4 == 0) text.resize(random() % text.size());
        (void)reading.read(text);
    }
}

} // namespace
} // namespace carillon::hooks
