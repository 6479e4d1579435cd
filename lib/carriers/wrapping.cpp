#include "carriers/wrapping.hpp"

#include "base/check.hpp"
#include "protobuf/encoder.hpp"
#include "ws/frame.hpp"

#include <array>
#include <cstddef>

namespace carillon::carriers {

using hub::format;

const wrapping& wrapping_of(format speaks) noexcept {
    static constexpr wrapping json_frame{.between = "\n"};
    static constexpr wrapping binary_frame{.binary = true};
    static constexpr wrapping event{.framed = false, .before = "data: ", .between = "\n\n", .after = "\n\n"};
    static constexpr wrapping line{.framed = false, .between = "\n", .after = "\n"};
    static constexpr wrapping bare{.framed = false};
    // A Push to somebody who only listens is a message of its own.
    switch (hub::without_joins(speaks)) {
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
    switch (hub::without_joins(speaks)) {
    case format::websocket_protobuf:
    case format::stream_protobuf: return protobuf::encoder();
    case format::uni_websocket:
    case format::uni_sse:
    case format::uni_stream: return protocol::push_encoder();
    default: return protocol::json_encoder();
    }
}

bool speaks_protobuf(format speaks) noexcept {
    const format plain = hub::without_joins(speaks);
    return plain == format::websocket_protobuf || plain == format::stream_protobuf;
}

bool only_listens(format speaks) noexcept {
    const format plain = hub::without_joins(speaks);
    return plain == format::uni_websocket || plain == format::uni_sse || plain == format::uni_stream;
}

std::string_view transport_of(format speaks) noexcept {
    switch (hub::without_joins(speaks)) {
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
