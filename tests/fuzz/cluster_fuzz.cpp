// Whatever a node of a cluster answers and however it is cut, it says which primary has which slots, or why not in one
// line without the password. Whatever topologies follow each other, each slot that has been named leads to a connection
// that there is, and where the last one said. What an error leads to can be connected to, and a call is never sent on
// for ever.

#include "base/check.hpp"
#include "discovery/detours.hpp"
#include "discovery/rendezvous.hpp"
#include "discovery/slot_table.hpp"
#include "discovery/topology.hpp"
#include "sayings.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace carillon::discovery;
using namespace std::chrono_literals;

constexpr std::string_view password = "hunter2";
constexpr std::array<std::string_view, 12> sayings{
    "+OK\r\n",
    "$48\r\ncluster_state:ok\r\ncluster_current_epoch:6\r\nabcdefg\r\n",
    "$50\r\ncluster_state:fail\r\ncluster_current_epoch:6\r\nabcdefg\r\n",
    "*1\r\n",
    "*3\r\n:0\r\n:16383\r\n",
    "*4\r\n:0\r\n:5460\r\n",
    "*3\r\n:5461\r\n:16383\r\n",
    "*4\r\n$1\r\na\r\n:6379\r\n$2\r\nid\r\n*0\r\n",
    "*3\r\n$-1\r\n:7001\r\n$2\r\nid\r\n",
    "-NOAUTH Authentication required.\r\n",
    "-ERR unknown command 'AUTH', with args beginning with: 'hunter2' \r\n",
    "*2\r\n",
};

struct answer {
    bool is_over;
    topology said;
    std::string why;
};

answer told(std::string_view bytes, std::size_t piece, bool with_password) {
    cluster_talk talk{{.password = with_password ? std::string{password} : std::string{}}, {"asked", 6379}};
    CHECK(!talk.question().empty());
    bool is_over = false;
    while (!bytes.empty() && !is_over) {
        const std::string_view part = bytes.substr(0, piece);
        bytes.remove_prefix(part.size());
        // In memory of exactly its size, so that the sanitizer sees a byte read too many.
        const std::vector<char> exactly{part.begin(), part.end()};
        is_over = talk.on_received({exactly.data(), exactly.size()});
    }
    return {is_over, talk.said(), talk.why()};
}

void check_answer(const answer& of, bool with_password) {
    CHECK(of.why.find_first_of("\r\n") == std::string::npos);
    CHECK(!with_password || of.why.find(password) == std::string::npos);
    if (!of.is_over || !of.why.empty()) return;
    CHECK(!of.said.ranges.empty() && of.said.primaries() > 0);
    for (const auto& [first, last, primary] : of.said.ranges) {
        CHECK(first <= last && last < slots);
        CHECK(!primary.host.empty() && primary.port != 0 && !primary.is_path());
    }
}

void check_talk(std::string_view bytes, bool with_password) {
    const answer whole = told(bytes, bytes.size() + 1, with_password);
    check_answer(whole, with_password);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
        const answer other = told(bytes, piece, with_password);
        CHECK(other.is_over == whole.is_over);
        CHECK(!whole.is_over || (other.why == whole.why && other.said.ranges == whole.said.ranges));
    }
}

// Four bytes are a range; a byte of 255 in front of them ends a topology.
void check_table(std::string_view input) {
    slot_table table;
    std::map<std::uint16_t, place> owners;
    topology said;
    const auto take = [&] {
        table.take(said);
        for (const auto& [first, last, primary] : said.ranges)
            for (unsigned slot = first; slot <= last; ++slot) owners[static_cast<std::uint16_t>(slot)] = primary;
        for (const auto& [slot, primary] : owners) CHECK(table.owner_of(slot).has_value());
        for (const auto& [first, last, primary] : said.ranges) CHECK(table.at(primary).has_value());
        CHECK(table.complete() == (owners.size() == slots));
        said = {};
    };
    for (; input.size() >= 4; input.remove_prefix(4)) {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<std::uint8_t>(input[at])); };
        if (byte(0) == 255 && !said.ranges.empty()) take();
        const unsigned first = byte(1) * 64;
        const unsigned last = std::min(first + byte(2) * 64, slots - 1U);
        const bool overlaps = std::ranges::any_of(
            said.ranges, [&](const auto& each) { return first <= each.last && each.first <= last; });
        if (overlaps) continue; // a node says nothing twice; who had the last word would be a matter of order
        said.ranges.push_back({static_cast<std::uint16_t>(first),
                               static_cast<std::uint16_t>(last),
                               {"h", static_cast<std::uint16_t>(1 + byte(3) % 8)}});
    }
    if (!said.ranges.empty()) take();
    for (const auto& [slot, primary] : owners) {
        const auto who = table.owner_of(slot);
        const auto found = std::ranges::find(table.branches(), *who, &slot_table::branch::who);
        CHECK(found != table.branches().end());
    }
}

void check_redirection(std::string_view text) {
    const auto leads = redirection_of(text);
    const bool has_place =
        leads && (leads->what == redirection::kind::moved || leads->what == redirection::kind::asked);
    if (has_place) CHECK(leads->slot < slots && leads->where.port != 0 && !leads->where.is_path());
    CHECK(slot_of(text) < slots && home_slot(text) < slots);
    const std::string_view channel = channel_of(text);
    CHECK(channel.size() <= text.size());
    CHECK(channel_of("p.place.{" + std::string{text} + "}") == text);
}

// However often calls are sent back, each is given up in time, and none is forgotten before it is done.
void check_detours(std::string_view input) {
    const detours::limits how{};
    detours all{how};
    std::map<std::uint64_t, detours::clock::time_point> since;
    std::map<std::uint64_t, unsigned> hops; // without a pause
    detours::clock::time_point now{};
    for (const char each : input) {
        const auto what = static_cast<std::uint8_t>(each);
        const std::uint64_t number = what % 4;
        now += std::chrono::milliseconds{what / 16};
        const auto kind = static_cast<redirection::kind>(what / 4 % 4);
        const auto said = all.on_redirected(number, kind, what % 32 < 16, now);
        const auto begun = since.try_emplace(number, now).first->second;
        CHECK(said != detours::verdict::wait || now - begun <= how.patience);
        hops[number] = said == detours::verdict::follow ? hops[number] + 1 : 0;
        CHECK(hops[number] <= how.hops_max);
        if (said == detours::verdict::give_up) since.erase(number);
        if (said == detours::verdict::give_up) all.done(number);
        while (const auto due = all.due(now)) CHECK(since.contains(*due));
    }
    CHECK(all.size() <= since.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 8192) return 0;
    const std::string_view rest{reinterpret_cast<const char*>(data) + 1, size - 1};
    switch (data[0] % 5) {
    case 0: check_talk(carillon::fuzz::spelled_out(rest, sayings), false); break;
    case 1: check_talk(carillon::fuzz::spelled_out(rest, sayings), true); break;
    case 2: check_table(rest); break;
    case 3: check_redirection(rest); break;
    case 4: check_detours(rest); break;
    }
    return 0;
}
