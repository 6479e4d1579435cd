#include "carriers/wrapping.hpp"

#include "base/check.hpp"
#include "protobuf/encoder.hpp"
#include "ws/frame.hpp"

#include <array>
#include <cstddef>

namespace carillon::carriers {

using hub::format;

namespace {

// What it says, whoever hears of joins and however it is compressed.
format plain(format speaks) noexcept {
    switch (const format alone = hub::without_joins(speaks)) {
    case format::deflated_json:
    case format::narrow_json: return format::websocket_json;
    case format::deflated_protobuf:
    case format::narrow_protobuf: return format::websocket_protobuf;
    case format::deflated_uni:
    case format::narrow_uni: return format::uni_websocket;
    default: return alone;
    }
}

} // namespace

format deflated(format websocket, ws::deflate_window most) noexcept {
    const bool wide = most == ws::deflate_window::wide;
    switch (websocket) {
    case format::websocket_json: return wide ? format::deflated_json : format::narrow_json;
    case format::websocket_protobuf: return wide ? format::deflated_protobuf : format::narrow_protobuf;
    case format::uni_websocket: return wide ? format::deflated_uni : format::narrow_uni;
    default: CHECK(false);
    }
    return websocket;
}

bool is_deflated(format speaks) noexcept { return hub::without_joins(speaks) >= format::deflated_json; }

ws::deflate_window window_of(format speaks) noexcept {
    return hub::without_joins(speaks) >= format::narrow_json ? ws::deflate_window::narrow : ws::deflate_window::wide;
}

const wrapping& wrapping_of(format speaks) noexcept {
    static constexpr wrapping json_frame{.between = "\n"};
    static constexpr wrapping binary_frame{.binary = true};
    static constexpr wrapping event{.framed = false, .before = "data: ", .between = "\n\n", .after = "\n\n"};
    static constexpr wrapping line{.framed = false, .between = "\n", .after = "\n"};
    static constexpr wrapping bare{.framed = false};
    // A Push to somebody who only listens is a message of its own.
    switch (plain(speaks)) {
    case format::websocket_protobuf: return binary_frame;
    case format::sse:
    case format::uni_sse: return event;
    case format::stream_json:
    case format::uni_stream: return line;
    case format::stream_protobuf: return bare;
    default: return json_frame;
    }
}

const protocol::encoder& encoder_of(format speaks) noexcept {
    switch (plain(speaks)) {
    case format::websocket_protobuf:
    case format::stream_protobuf: return protobuf::encoder();
    case format::uni_websocket:
    case format::uni_sse:
    case format::uni_stream: return protocol::push_encoder();
    default: return protocol::json_encoder();
    }
}

bool speaks_protobuf(format speaks) noexcept {
    const format said = plain(speaks);
    return said == format::websocket_protobuf || said == format::stream_protobuf;
}

bool only_listens(format speaks) noexcept {
    const format said = plain(speaks);
    return said == format::uni_websocket || said == format::uni_sse || said == format::uni_stream;
}

std::string_view transport_of(format speaks) noexcept {
    switch (plain(speaks)) {
    case format::sse: return "sse";
    case format::stream_json:
    case format::stream_protobuf: return "http_stream";
    case format::uni_websocket: return "uni_websocket";
    case format::uni_sse: return "uni_sse";
    case format::uni_stream: return "uni_http_stream";
    default: return "websocket";
    }
}

void append_wrapped(std::string& out, format speaks, std::string_view message) {
    const wrapping& how = wrapping_of(speaks);
    if (how.framed) return ws::append_frame(out, how.binary ? ws::opcode::binary : ws::opcode::text, message);
    out += how.before;
    out += message;
    out += how.after;
}

} // namespace carillon::carriers
