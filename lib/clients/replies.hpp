#pragma once

#include "base/check.hpp"
#include "carriers/burst.hpp"
#include "carriers/wrapping.hpp"
#include "clients/carrier.hpp"
#include "ws/frame.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace carillon::clients {

/// The client whose bytes are being handled, and the replies it will get when they are: as few messages as there can
/// be. Thread: the shard's.
class replies {
public:
    replies(carrier& out, carriers::compression& by) noexcept : out_{&out}, burst_{by} {}

    /// Whose replies are made from now on.
    void serve(client& c);
    void serve_nobody() noexcept { served_ = nullptr; }
    /// Null: nobody is.
    client* served() const noexcept { return served_; }

    /// Of the client that is being served.
    const protocol::encoder& encoder() const noexcept {
        CHECK(served_ != nullptr);
        return carriers::encoder_of(served_->speaks());
    }
    /// Where its next reply is appended.
    std::string& next();
    /// A control frame of a WebSocket, after the replies so far.
    void append_control(ws::opcode what, std::span<const std::byte> payload);

    /// Sends what there is now.
    void flush();
    /// The client is done with, and what there is goes out when the turn ends.
    void put_aside();

    /// Adds something for a client now, whoever else is being served: `reply()`.
    template <class Reply>
    void interpose(client& c, Reply&& reply) {
        if (&c == served_) return reply();
        client* const before = served_;
        if (before != nullptr) flush();
        serve(c);
        reply();
        flush();
        served_ = nullptr;
        if (before != nullptr) serve(*before);
    }

private:
    // Replies beyond this go out before the others are made.
    static constexpr std::size_t bytes_max = 32 * 1024;

    carrier* out_;
    client* served_ = nullptr;
    carriers::burst burst_;
};

} // namespace carillon::clients
