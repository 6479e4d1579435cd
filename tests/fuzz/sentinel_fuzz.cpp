// Whatever a Sentinel answers and however it is cut, it says where a master is that can be connected to, or why not in
// one line without the password. Whatever several say, what more than half of them say is believed and nothing else.

#include "base/check.hpp"
#include "discovery/sentinel.hpp"
#include "sayings.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace carillon::discovery;

constexpr std::string_view password = "hunter2";
constexpr std::array<std::string_view, 10> sayings{
    "+OK\r\n",
    "*2\r\n",
    "$9\r\n127.0.0.1\r\n",
    "$4\r\n6379\r\n",
    "*-1\r\n",
    "_\r\n",
    "-NOAUTH Authentication required.\r\n",
    "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
    "-ERR unknown command 'AUTH', with args beginning with: 'hunter2' \r\n",
    "-IDONTKNOW no master of this name\r\n",
};

std::optional<sentinel_talk::outcome> told(std::string_view bytes, std::size_t piece, bool with_password) {
    sentinel_talk talk{{.master = "mymaster", .password = with_password ? std::string{password} : std::string{}}};
    CHECK(!talk.question().empty());
    while (!bytes.empty()) {
        const std::string_view part = bytes.substr(0, piece);
        bytes.remove_prefix(part.size());
        // In memory of exactly its size, so that the sanitizer sees a byte read too many.
        const std::vector<char> exactly{part.begin(), part.end()};
        if (auto said = talk.on_received({exactly.data(), exactly.size()})) return said;
    }
    return {};
}

void check_talk(std::string_view bytes, bool with_password) {
    const auto whole = told(bytes, bytes.size() + 1, with_password);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
        const auto other = told(bytes, piece, with_password);
        CHECK(whole.has_value() == other.has_value());
        CHECK(!whole || (whole->master == other->master && whole->why == other->why));
    }
    if (!whole) return;
    CHECK(whole->why.empty() == !whole->master.host.empty());
    CHECK(whole->why.find_first_of("\r\n") == std::string::npos);
    CHECK(!with_password || whole->why.find(password) == std::string::npos);
    CHECK(whole->master.host.empty() || (whole->master.port != 0 && !whole->master.is_path()));
}

void check_votes(std::string_view input) {
    constexpr std::array<std::string_view, 3> places{"a", "b", "c"};
    const std::size_t sentinels = 1 + input.size() % 6;
    sentinel_votes votes{sentinels};
    std::vector<std::optional<place>> said(sentinels);
    for (const char each : input) {
        const auto what = static_cast<std::uint8_t>(each);
        if (what == 0) {
            votes.forget();
            std::ranges::fill(said, std::nullopt);
        } else {
            const std::size_t who = votes.next();
            CHECK(who < sentinels);
            said[who] = what % 4 == 3 ? std::nullopt : std::optional{place{std::string{places[what % 4]}, 6379}};
            votes.said(who, said[who]);
        }
        std::map<std::string, std::size_t> counted;
        for (const auto& one : said)
            if (one) ++counted[one->host];
        const auto chosen = votes.majority();
        for (const auto& [host, count] : counted) CHECK((2 * count > sentinels) == (chosen && chosen->host == host));
        CHECK(!chosen || counted.contains(chosen->host));
        const bool elsewhere = counted.size() > counted.count("a");
        CHECK(votes.disputed({"a", 6379}) == elsewhere);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 32768) return 0;
    const std::string_view rest{reinterpret_cast<const char*>(data) + 1, size - 1};
    if (data[0] % 3 == 2) {
        check_votes(rest);
    } else {
        check_talk(carillon::fuzz::spelled_out(rest, sayings), data[0] % 3 == 1);
    }
    return 0;
}
