#include "ws/deflater.hpp"

#include "base/check.hpp"

#include <zlib.h>

namespace carillon::ws {

namespace {

struct memory {
    int window_bits; // negative: without zlib's own header and checksum
    int level;       // zlib's memLevel
};
constexpr memory memories[] = {
    {-static_cast<int>(narrow_window_bits), 4}, {-12, 5}, {-static_cast<int>(wide_window_bits), 8}};
constexpr std::size_t small_bytes_max = 1U << 12;

// Left out at the end of a message (§7.2.1): 00 00 ff ff.
constexpr std::size_t tail_bytes = 4;

} // namespace

deflater::deflater(int level) {
    for (std::size_t i = 0; i < size_classes; ++i) {
        streams_[i] = std::make_unique<z_stream>();
        *streams_[i] = {};
        CHECK(deflateInit2(streams_[i].get(), level, Z_DEFLATED, memories[i].window_bits, memories[i].level,
                           Z_DEFAULT_STRATEGY) == Z_OK);
    }
}

deflater::~deflater() {
    for (const auto& each : streams_) deflateEnd(each.get());
}

bool deflater::deflate(std::string_view message, deflate_window most, std::string& out) {
    CHECK(message.size() < (1U << 30));
    const size_class by = most == deflate_window::narrow      ? size_class::narrow
                          : message.size() <= small_bytes_max ? size_class::small
                                                              : size_class::large;
    z_stream& stream = *streams_[static_cast<std::size_t>(by)];
    CHECK(deflateReset(&stream) == Z_OK);
    const std::size_t before = out.size();
    // Where it does not fit into this, it is not shorter.
    const std::size_t room = message.size() + tail_bytes;
    out.resize(before + room);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data())); // NOLINT: it is only read
    stream.avail_in = static_cast<uInt>(message.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(room);
    const int said = ::deflate(&stream, Z_SYNC_FLUSH);
    const bool shorter = said == Z_OK && stream.avail_out > 0;
    out.resize(shorter ? out.size() - stream.avail_out - tail_bytes : before);
    return shorter;
}

} // namespace carillon::ws
