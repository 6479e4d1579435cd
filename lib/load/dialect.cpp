#include "load/dialect.hpp"

#include "base/bytes.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace carillon::load {

std::string with_channel(std::string_view text, std::string_view channel) {
    constexpr std::string_view place = "{channel}";
    std::string out;
    for (;;) {
        const std::size_t at = text.find(place);
        out += text.substr(0, at);
        if (at == text.npos) return out;
        out += channel;
        text.remove_prefix(at + place.size());
    }
}

std::string upgrade_request(const url& to, std::span<const std::string> headers, std::string_view key) {
    std::string lines;
    for (const std::string& header : headers) lines += header + "\r\n";
    return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n{}\r\n",
                       to.target, to.authority(), key, lines);
}

std::string client_frame(ws::opcode op, std::string_view payload) {
    constexpr ws::mask_key mask = 0x5aa5f00f; // no secret: this is no browser, and nobody's cache is to be protected
    std::array<std::byte, ws::header_bytes_max> header;
    const std::size_t size = ws::encode_header_masked(header, op, payload.size(), mask);
    std::string frame{as_text(std::span{header}.first(size))};
    frame += payload;
    ws::apply_mask(std::as_writable_bytes(std::span{frame}).subspan(size), mask);
    return frame;
}

std::string centrifuge_hello(std::string_view channel) {
    std::string text = fmt::format(R"({{"id":{},"connect":{{}}}})", connect_command);
    if (!channel.empty())
        text += fmt::format("\n"
                            R"({{"id":{},"subscribe":{{"channel":"{}"}}}})",
                            subscribe_command, channel);
    return text;
}

std::string centrifuge_publish(std::uint32_t command, std::string_view channel, std::string_view payload) {
    return fmt::format(R"({{"id":{},"publish":{{"channel":"{}","data":{}}}}})", command, channel, payload);
}

server_line read_server_line(std::string_view line) noexcept {
    constexpr std::string_view before_id = R"({"id":)";
    if (line == "{}") return {server_line::kind::ping, 0, false};
    if (!line.starts_with(before_id)) return {};
    server_line read;
    const char* const end = line.data() + line.size();
    const auto [after, failed] = std::from_chars(line.data() + before_id.size(), end, read.command);
    if (failed != std::errc{}) return {};
    line = {after, end};
    const bool refused = line.starts_with(R"(,"error":)");
    read.what = refused ? server_line::kind::refusal : server_line::kind::reply;
    read.wants_pongs = line.starts_with(R"(,"connect":)") && line.find(R"("pong":true)") != line.npos;
    return read;
}

} // namespace carillon::load
