#pragma once

#include "ws/frame.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace carillon::session {

/// The frames that answer what one client has sent in a burst, end to end: its replies, as few text frames as there can
/// be, one reply on a line, and control frames in between.
class burst {
public:
    burst() { clear(); }

    /// Where the next reply is appended.
    std::string& next_line();
    /// A control frame, after the replies so far.
    void append_control(ws::opcode what, std::span<const std::byte> payload);

    bool empty() const noexcept { return frames_.size() == header_room && open_; }
    std::size_t size() const noexcept { return frames_.size(); }
    /// All frames, whole. Valid until anything else is called.
    std::string_view bytes();
    void clear();

private:
    // In front of the replies, for the header of the frame that will hold them.
    static constexpr std::size_t header_room = 10;

    void close_text();

    std::string frames_;
    std::size_t begin_ = 0; // of the first frame
    std::size_t text_ = 0;  // where the text frame that is open has its header's room
    bool open_ = true;
};

} // namespace carillon::session
