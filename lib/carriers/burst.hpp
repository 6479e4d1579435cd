#pragma once

#include "carriers/compression.hpp"
#include "carriers/wrapping.hpp"
#include "ws/frame.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace carillon::carriers {

/// What answers one client's burst, end to end, as its carrier has it. On a WebSocket: its replies in as few frames as
/// there can be, in JSON one on a line, and control frames in between.
class burst {
public:
    /// Compresses, for whom that is agreed upon, by what lives longer.
    explicit burst(compression& by) : by_{by} { carry({}); }

    /// For a client of this format from now on. Only while it is empty.
    void carry(hub::format speaks);

    /// Where the next reply is appended.
    std::string& next_line();
    /// A control frame, after the replies so far.
    void append_control(ws::opcode what, std::span<const std::byte> payload);

    bool empty() const noexcept { return frames_.size() == room() && open_; }
    std::size_t size() const noexcept { return frames_.size(); }
    /// All frames, whole. Valid until anything else is called.
    std::string_view bytes();
    void clear();

private:
    // In front of the replies, for the header of the frame that will hold them.
    static constexpr std::size_t header_room = 10;

    std::size_t room() const noexcept { return how_->framed ? header_room : 0; }
    void close_text();

    compression& by_;
    hub::format speaks_{};
    const wrapping* how_ = nullptr;
    std::string frames_;
    std::size_t begin_ = 0; // of the first frame
    std::size_t text_ = 0;  // where the text frame that is open has its header's room
    bool open_ = true;      // something more may be added to what is at its end
};

} // namespace carillon::carriers
