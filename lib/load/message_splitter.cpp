#include "load/message_splitter.hpp"

namespace carillon::load {

result<message_splitter::frame> message_splitter::take_frame(std::string_view& bytes) {
    const auto header = ws::decode_header(as_bytes(bytes), ws::role::client);
    if (!header) return header.error();
    if (!*header) return frame{};
    if ((*header)->payload_bytes > message_bytes_max) return make_error_code(ws::error::message_too_big);
    const std::size_t header_bytes = (*header)->header_bytes;
    const auto payload_bytes = static_cast<std::size_t>((*header)->payload_bytes);
    if (bytes.size() < header_bytes + payload_bytes) return frame{};
    const std::string_view payload = bytes.substr(header_bytes, payload_bytes);
    bytes.remove_prefix(header_bytes + payload_bytes);
    return frame{**header, payload, true};
}

ws::error message_splitter::check_order(const unfinished* held, const ws::frame_header& header) noexcept {
    if (ws::is_control(header.op)) return ws::error::none;
    const bool open = held != nullptr && held->open;
    if (header.op == ws::opcode::continuation) return open ? ws::error::none : ws::error::unexpected_continuation;
    return open ? ws::error::message_interrupted : ws::error::none;
}

ws::error message_splitter::add_fragment(std::unique_ptr<unfinished>& held, const frame& piece) {
    // The frame may lie in the bytes of `held`, which are not touched.
    if (!held) held = std::make_unique<unfinished>();
    if (!held->open) {
        held->message.clear();
        held->op = piece.header.op;
        held->open = true;
    }
    if (held->message.size() + piece.payload.size() > message_bytes_max) return ws::error::message_too_big;
    held->message += piece.payload;
    return ws::error::none;
}

void message_splitter::keep(std::unique_ptr<unfinished> held, std::string_view rest) {
    if (rest.empty() && (!held || !held->open)) return;
    if (!held) held = std::make_unique<unfinished>();
    if (held->bytes.empty()) {
        held->bytes = rest;
    } else { // `rest` is the end of it
        held->bytes.erase(0, held->bytes.size() - rest.size());
    }
    unfinished_ = std::move(held);
}

} // namespace carillon::load
