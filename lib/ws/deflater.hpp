#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace carillon::ws {

/// How far back a compressed message may point: the peer's choice, when it has little memory.
enum class deflate_window : std::uint8_t {
    narrow, ///< 512 bytes, the smallest that zlib keeps to; good for whoever asked for less than 32 KiB
    wide,   ///< 32 KiB
};
inline constexpr unsigned narrow_window_bits = 9;
inline constexpr unsigned wide_window_bits = 15;

/// Compresses messages, each one by itself (RFC 7692 §7.2.1): nothing is remembered from one to the next, so one is
/// enough for all connections of a thread, and what it makes of a message is the same for all of them.
class deflater {
public:
    /// `level`: from 1, quick, to 9, small.
    explicit deflater(int level);
    deflater(const deflater&) = delete;
    deflater& operator=(const deflater&) = delete;
    ~deflater();

    /// Appends what a frame with RSV1 carries for `message`. False, and nothing is appended: it would not be shorter.
    bool deflate(std::string_view message, deflate_window most, std::string& out);

private:
    // To forget what was before takes longer than to compress a short message, where the memory is made for long ones.
    enum class size_class : std::uint8_t { narrow, small, large };
    static constexpr std::size_t size_classes = 3;

    std::array<std::unique_ptr<z_stream_s>, size_classes> streams_;
};

} // namespace carillon::ws
