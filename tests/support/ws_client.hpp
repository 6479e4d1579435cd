#pragma once

#include "support/peer.hpp"
#include "ws/frame.hpp"
#include "ws/inflater.hpp"

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::test {

inline constexpr std::string_view upgrade_request = "GET /connection/websocket HTTP/1.1\r\n"
                                                    "Host: example.org\r\n"
                                                    "Upgrade: websocket\r\n"
                                                    "Connection: Upgrade\r\n"
                                                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                                    "Sec-WebSocket-Version: 13\r\n"
                                                    "\r\n";

/// One masked frame, as a browser sends it.
inline std::string client_frame(ws::opcode op, std::string_view payload, bool fin = true) {
    constexpr ws::mask_key mask = 0x5aa5f00f;
    std::array<std::byte, ws::header_bytes_max> header;
    const std::size_t size = ws::encode_header_masked(header, op, payload.size(), mask, fin);
    std::string frame{as_text(std::span{header}.first(size))};
    frame += payload;
    ws::apply_mask(std::as_writable_bytes(std::span{frame}).subspan(size), mask);
    return frame;
}

inline std::string text_frame(std::string_view payload, bool fin = true) {
    return client_frame(ws::opcode::text, payload, fin);
}

inline std::string close_frame(std::uint16_t code, std::string_view reason = {}) {
    std::string payload(2, '\0');
    boost::endian::store_big_u16(reinterpret_cast<unsigned char*>(payload.data()), code);
    return client_frame(ws::opcode::close, payload + std::string{reason});
}

/// Every client ID in a reply becomes "*", so that replies can be compared.
inline std::string without_ids(std::string text) {
    constexpr std::string_view before = R"("client":")";
    constexpr std::size_t id_bytes = 36;
    for (std::size_t at = text.find(before); at != text.npos; at = text.find(before, at + 1)) {
        if (text.size() > at + before.size() + id_bytes && text[at + before.size() + id_bytes] == '"') {
            text.replace(at + before.size(), id_bytes, "*");
        }
    }
    return text;
}

/// A browser: frames in, frames out, in words that a table of expectations can hold.
class ws_client : public peer {
public:
    explicit ws_client(peer&& connection) noexcept : peer{std::move(connection)} {}

    /// Sends one message of text.
    void say(std::string_view text) const { write(text_frame(text)); }

    /// The head of the response to the upgrade; empty when it has not come.
    std::string response() {
        read();
        const std::size_t end = received().find("\r\n\r\n");
        if (end == std::string::npos) return {};
        std::string head = received().substr(0, end + 4);
        received().erase(0, end + 4);
        return head;
    }

    /// The frames that have come since it was last asked: text as it is, with client IDs made "*", and
    /// "deflated " before it if it came compressed; "close 3501 bad
    /// request", "close" without a code, "pong x"; "end" when the server has ended its side.
    std::vector<std::string> heard() {
        read();
        std::vector<std::string> frames;
        while (auto frame = next_frame()) frames.push_back(std::move(*frame));
        if (ended() && !end_heard_) {
            end_heard_ = true;
            frames.emplace_back(received().empty() ? "end" : "end within a frame");
        }
        return frames;
    }

    /// The client ID that the connect reply named.
    const std::string& id() const noexcept { return id_; }

private:
    static constexpr std::size_t payload_bytes_max = 16 * 1024 * 1024;

    std::optional<std::string> next_frame() {
        const auto header = ws::decode_header(as_bytes(received()), ws::role::client, true);
        if (!header) {
            received().clear();
            return "not a frame: " + header.error().message();
        }
        if (!*header || received().size() - (*header)->header_bytes < (*header)->payload_bytes) return std::nullopt;
        std::string payload = received().substr((*header)->header_bytes, (*header)->payload_bytes);
        received().erase(0, (*header)->header_bytes + (*header)->payload_bytes);
        const std::string how = (*header)->deflated ? "deflated " : "";
        if ((*header)->deflated) {
            thread_local ws::inflater inflater;
            const auto made = inflater.inflate(as_bytes(payload), payload_bytes_max);
            if (made.why != ws::error::none) return "not deflated: " + make_error_code(made.why).message();
            payload = as_text(made.message);
        }
        switch ((*header)->op) {
        case ws::opcode::text: note_id(payload); return how + without_ids(payload);
        case ws::opcode::close: return in_words(payload);
        case ws::opcode::ping: return "ping " + payload;
        case ws::opcode::pong: return "pong " + payload;
        case ws::opcode::binary: return how + "binary";
        case ws::opcode::continuation: return "continuation";
        }
        return std::nullopt;
    }

    void note_id(std::string_view reply) {
        constexpr std::string_view before = R"("connect":{"client":")";
        const std::size_t at = reply.find(before);
        if (at != reply.npos) id_ = reply.substr(at + before.size(), 36);
    }

    static std::string in_words(std::string_view payload) {
        if (payload.size() < 2) return "close";
        const auto code = boost::endian::load_big_u16(reinterpret_cast<const unsigned char*>(payload.data()));
        const std::string_view reason = payload.substr(2);
        return fmt::format("close {}{}{}", code, reason.empty() ? "" : " ", reason);
    }

    std::string id_;
    bool end_heard_ = false;
};

} // namespace carillon::test
