#pragma once

#include "hub/hub.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::hub::test {

/// What a subscriber of `encoding` gets for a message.
inline std::string encoded(format encoding, std::string_view channel, std::string_view payload) {
    return std::to_string(static_cast<int>(encoding)) + ":" + std::string{channel} + "=" + std::string{payload} + ";";
}

/// Remembers every piece that a subscriber was given, and how often each format was encoded.
class listening final : public sink {
public:
    void encode(format encoding, std::string_view channel, const publication& message, std::string& out) override {
        ++encodings[static_cast<std::size_t>(encoding)];
        out += encoded(encoding, channel, message.payload);
    }
    void deliver(subscriber to, frames& what) override {
        pieces[to.packed].emplace_back(what.bytes());
        in_order.push_back(to);
        if (!shares) return;
        EXPECT_EQ(*what.share(), what.bytes());
        shared.push_back(what.share());
    }

    std::map<std::uint32_t, std::vector<std::string>> pieces; ///< by who, packed
    std::vector<subscriber> in_order;                         ///< who was given a piece
    std::array<int, formats> encodings{};
    bool shares = false;
    std::vector<std::shared_ptr<const std::string>> shared;
};

/// A hub with one sink for all formats.
struct tower {
    explicit tower(std::size_t batch_bytes_max = 64 * 1024, std::size_t sends_per_turn = 1'000'000)
        : queue{{.sends_per_turn = sends_per_turn, .batch_bytes_max = batch_bytes_max}} {
        for (std::size_t i = 0; i < formats; ++i) bells.attach(static_cast<format>(i), heard);
    }
    deliveries queue;
    hub bells{queue};
    listening heard;

    std::uint32_t publish(std::string_view channel, std::string_view payload) {
        return bells.publish(channel, {.payload = payload, .is_json = false, .info = {}});
    }
};

/// A subscriber and its list, as its connection's record would have them.
struct member_of {
    explicit member_of(tower& of, std::uint32_t index, format encoding = format::websocket_json)
        : house{&of}, who{subscriber::make(index, encoding)} {}

    subscribe_outcome join(std::string_view channel) { return house->bells.subscribe(who, list, channel); }
    unsubscribe_outcome leave(std::string_view channel) { return house->bells.unsubscribe(who, list, channel); }
    std::vector<std::string> leave_all() {
        std::vector<std::string> left_last;
        house->bells.unsubscribe_all(list, [&](std::string_view channel) { left_last.emplace_back(channel); });
        return left_last;
    }
    bool in(std::string_view channel) const { return house->bells.subscribed(who, list, channel); }
    const std::vector<std::string>& pieces() const { return house->heard.pieces[who.packed]; }

    tower* house;
    subscriber who;
    memberships list;
};

} // namespace carillon::hub::test
