#include "carriers/wrapping.hpp"
#include "session/backlog.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::session {
namespace {

using ends_of = std::vector<std::uint32_t>;
constexpr std::size_t overhead = net::outbox::piece_overhead_bytes;

std::string framed(std::size_t payload_bytes) {
    std::string out;
    carriers::append_wrapped(out, hub::format::websocket_json, std::string(payload_bytes, 'x'));
    return out;
}

TEST(message_ends, are_found_in_every_carrier) {
    const std::string short_one = framed(5), middle = framed(300), large = framed(70'000);
    const auto end = [](std::size_t size) { return static_cast<std::uint32_t>(size); };
    const struct {
        const char* name;
        hub::format speaks;
        std::string bytes;
        ends_of ends;
    } rows[] = {
        {"nothing", hub::format::websocket_json, "", {}},
        {"frames of each length",
         hub::format::websocket_json,
         short_one + middle + large,
         {end(short_one.size()), end(short_one.size() + middle.size()),
          end(short_one.size() + middle.size() + large.size())}},
        {"a frame with a reserved bit", hub::format::websocket_protobuf, "\xc2\x01x\xc2\x02yy", {3, 7}},
        {"events", hub::format::sse, "data: {}\n\ndata: 1\n\n", {10, 19}},
        {"lines", hub::format::stream_json, "{}\n1\n", {3, 5}},
        {"lengths", hub::format::stream_protobuf, std::string{"\x01x\x83\x00yyy", 7}, {2, 7}},
        {"who listens for joins, too", hub::with_joins(hub::format::sse), "data: 1\n\n", {9}},
    };
    for (const auto& row : rows) EXPECT_EQ(message_ends(row.speaks, row.bytes), row.ends) << row.name;
}

// A channel as the test has it; its messages are lines "NAME NUMBER xxx\n".
struct channel_of {
    const char* name;
    std::uint32_t kind; // 0: nothing is dropped
    std::uint8_t flags;
};
constexpr channel_of channels[] = {
    {"plain", 0, 0},
    {"old", 3, backlog::yields},
    {"older", 3, backlog::yields},
    {"other", 5, backlog::yields},
    {"told", 7, backlog::yields | backlog::told},
    {"price", 9, backlog::latest},
    {"rate", 9, backlog::latest},
    {"exact", 11, backlog::latest | backlog::told},
};

// The same said the simplest way: a list of messages.
class model {
public:
    struct message {
        std::string text;
        std::size_t of = 0; // a channel; `joins`: of none
        std::size_t sent = 0;
    };
    static constexpr std::size_t none = 99;

    explicit model(std::size_t limit) : limit_{limit} {}

    bool fits(std::size_t size) const { return bytes() + size + overhead <= limit_; }
    std::size_t bytes() const {
        std::size_t all = 0;
        for (const message& each : waiting) all += each.text.size() - each.sent + overhead;
        return all;
    }
    bool make_room(std::size_t size, std::uint32_t kind) {
        while (!fits(size)) {
            const auto oldest = std::ranges::find_if(waiting, [&](const message& each) {
                return each.of != none && each.sent == 0 && (channels[each.of].flags & backlog::yields) != 0 &&
                       (kind == 0 || channels[each.of].kind == kind);
            });
            if (oldest == waiting.end()) return false;
            const std::size_t of = oldest->of;
            waiting.erase(oldest);
            lose(of);
        }
        return true;
    }
    void lose(std::size_t of) {
        ++dropped;
        if ((channels[of].flags & backlog::told) == 0 || cut[of]) return;
        cut[of] = true;
        dropped += forget(of);
    }
    std::size_t forget(std::size_t of) {
        return std::erase_if(waiting, [&](const message& each) { return each.of == of && each.sent == 0; });
    }
    bool add(const std::vector<message>& batch, std::size_t of, std::size_t sent) {
        std::size_t last = batch.size();
        for (std::size_t i = 0; i < batch.size(); ++i)
            if (batch[i].of == of) last = i;
        std::size_t begin = 0;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const std::size_t size = batch[i].text.size();
            const std::size_t from = std::exchange(begin, begin + size);
            if (begin <= sent) continue;
            message next = batch[i];
            if (from < sent) {
                next.sent = sent - from;
                waiting.push_back(next);
            } else if (cut[of]) {
                dropped += next.of == of;
            } else if (next.of == none) {
                if (!make_room(size, 0)) return false;
                if (!cut[of]) waiting.push_back(next);
            } else if (channels[of].flags & backlog::latest) {
                for (std::size_t older = forget(of); older > 0; --older) lose(of);
                if (i != last || cut[of]) {
                    lose(of);
                } else if (!make_room(size, 0)) {
                    return false;
                } else {
                    waiting.push_back(next);
                }
            } else if (!make_room(size, channels[of].kind) || cut[of]) {
                lose(of);
            } else {
                waiting.push_back(next);
            }
        }
        return true;
    }
    void send(std::size_t count, std::string& wire) {
        while (count > 0 && !waiting.empty()) {
            message& first = waiting.front();
            const std::size_t part = std::min(count, first.text.size() - first.sent);
            wire += first.text.substr(first.sent, part);
            first.sent += part;
            count -= part;
            if (first.sent == first.text.size()) waiting.erase(waiting.begin());
        }
    }

    std::vector<message> waiting;
    std::size_t dropped = 0;
    bool cut[std::size(channels)]{};

private:
    std::size_t limit_;
};

TEST(backlog, drops_what_the_model_drops_in_random_histories) {
    std::size_t slow = 0, cuts = 0, dropped_in_all = 0;
    for (unsigned seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        std::minstd_rand random{seed};
        const auto upto = [&](std::size_t most) { return static_cast<std::size_t>(random()) % (most + 1); };
        const std::size_t limit = 200 + upto(2'000);
        net::outbox waiting;
        model expected{limit};
        metrics::name_space_counts counts;
        ASSERT_EQ(counts.slot_of("all"), 0);
        std::vector<std::uint64_t> cut;
        std::string wire, model_wire;
        std::size_t number = 0, dropped = 0;
        const auto send = [&](std::size_t count) {
            std::size_t left = count;
            waiting.send([&](std::span<const iovec> pieces) -> net::io_result {
                const std::size_t before = wire.size();
                for (const iovec& each : pieces) {
                    const std::size_t part = std::min(left, each.iov_len);
                    wire.append(static_cast<const char*>(each.iov_base), part);
                    left -= part;
                }
                return wire.size() == before ? net::io_result{0, EAGAIN}
                                             : net::io_result{static_cast<long>(wire.size() - before), 0};
            });
            expected.send(count, model_wire);
            ASSERT_EQ(wire, model_wire);
        };
        bool fits = true;
        for (int step = 0; fits && step < 60; ++step) {
            const std::size_t what = upto(9);
            if (what < 2) { // a reply
                const std::string reply = fmt::format("reply {}\n", ++number);
                backlog line{waiting, limit, counts, cut};
                ASSERT_EQ(line.make_room(reply.size()), fits = expected.make_room(reply.size(), 0));
                if (!fits) break;
                ASSERT_EQ(waiting.push(std::make_shared<const std::string>(reply), 0, limit), net::push_result::queued);
                expected.waiting.push_back({reply, model::none, 0});
            } else if (what < 4) {
                send(upto(300));
            } else if (what == 4) { // it has been told
                cut.clear();
                for (bool& each : expected.cut) each = false;
            } else {
                const std::size_t of = 1 + upto(std::size(channels) - 2);
                std::vector<model::message> batch;
                std::string bytes;
                hub::frames::notes notes{.source = of, .kind = channels[of].kind, .flags = channels[of].flags};
                std::vector<hub::range> others;
                for (std::size_t left = 1 + upto(3); left > 0; --left) {
                    const bool joins = upto(5) == 0;
                    const std::string text = fmt::format("{} {} {}\n", joins ? "join" : channels[of].name, ++number,
                                                         std::string(upto(60), 'x'));
                    batch.push_back({text, joins ? model::none : of, 0});
                    const auto begin = static_cast<std::uint32_t>(bytes.size());
                    bytes += text;
                    if (joins) others.push_back({begin, static_cast<std::uint32_t>(bytes.size())});
                }
                notes.ends = message_ends(hub::format::stream_json, bytes);
                // Some of it goes at once if nothing waits and nothing is to be told first.
                const std::size_t sent = waiting.empty() && cut.empty() ? upto(bytes.size() - 1) : 0;
                wire += bytes.substr(0, sent);
                model_wire += bytes.substr(0, sent);
                backlog line{waiting, limit, counts, cut};
                fits = line.add(std::make_shared<const std::string>(bytes), notes, others, sent);
                ASSERT_EQ(fits, expected.add(batch, of, sent));
            }
            ASSERT_EQ(waiting.bytes(), expected.bytes());
            for (std::size_t of = 0; of < std::size(channels); ++of)
                ASSERT_EQ(std::ranges::count(cut, of), expected.cut[of] ? 1 : 0);
            dropped = 0;
            counts.each([&](auto, std::uint64_t each) { dropped += each; });
            ASSERT_EQ(dropped, expected.dropped);
        }
        send(1'000'000);
        EXPECT_TRUE(waiting.empty());
        EXPECT_EQ(waiting.bytes(), 0u);
        slow += !fits;
        cuts += !cut.empty();
        dropped_in_all += dropped;
    }
    EXPECT_GT(slow, 0u);
    EXPECT_GT(cuts, 0u);
    EXPECT_GT(dropped_in_all, 1'000u);
}

} // namespace
} // namespace carillon::session
