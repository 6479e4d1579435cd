#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "ws/error.hpp"
#include "ws/frame.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace carillon::load {

/// Cuts the bytes that a server sends into messages, wherever the reads have cut them. What lies whole in the bytes
/// just read is not copied, and while nothing is unfinished a splitter is one null pointer.
class message_splitter {
public:
    /// A longer message is an error (ws::error::message_too_big).
    static constexpr std::size_t message_bytes_max = std::size_t{16} * 1024 * 1024;

    /// Calls `sink(ws::opcode, std::string_view payload)` for each message (text or binary, its fragments put together)
    /// and each control frame that `bytes` complete. The payload is valid during the call. A sink that returns false
    /// ends it all: nothing is kept, and it may even have destroyed the splitter. Error: what is wrong with the frames.
    template <class Sink>
    error_code feed(std::string_view bytes, Sink&& sink);

    /// Forgets what is unfinished.
    void reset() noexcept { unfinished_.reset(); }

private:
    struct unfinished {
        std::string bytes;   // the beginning of a frame
        std::string message; // the fragments so far
        ws::opcode op{};     // of the message
        bool open = false;   // whether there are fragments
    };
    /// A frame whose whole payload is there.
    struct frame {
        ws::frame_header header;
        std::string_view payload;
        bool whole = false;
    };

    static result<frame> take_frame(std::string_view& bytes);
    static ws::error check_order(const unfinished* held, const ws::frame_header& header) noexcept;
    static ws::error add_fragment(std::unique_ptr<unfinished>& held, const frame& piece);
    void keep(std::unique_ptr<unfinished> held, std::string_view rest);

    std::unique_ptr<unfinished> unfinished_;
};

template <class Sink>
error_code message_splitter::feed(std::string_view bytes, Sink&& sink) {
    auto held = std::move(unfinished_);
    if (held && !held->bytes.empty()) bytes = held->bytes.append(bytes);
    for (;;) {
        const result<frame> taken = take_frame(bytes);
        if (!taken) return taken.error();
        if (!taken->whole) break;
        const ws::frame_header& header = taken->header;
        if (const ws::error wrong = check_order(held.get(), header); wrong != ws::error::none) return wrong;
        if (ws::is_control(header.op) || (header.fin && header.op != ws::opcode::continuation)) {
            if (!sink(header.op, taken->payload)) return {};
            continue;
        }
        if (const ws::error wrong = add_fragment(held, *taken); wrong != ws::error::none) return wrong;
        if (!header.fin) continue;
        held->open = false;
        if (!sink(held->op, std::string_view{held->message})) return {};
    }
    keep(std::move(held), bytes);
    return {};
}

} // namespace carillon::load
