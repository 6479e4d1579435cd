#include "base/check.hpp"
#include "http/accept_key.hpp"
#include "http/date.hpp"
#include "http/upgrade.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace carillon::http {
namespace {

constexpr std::string_view accepted = "HTTP/1.1 101 Switching Protocols\r\n"
                                      "Upgrade: websocket\r\n"
                                      "Connection: Upgrade\r\n"
                                      "Sec-WebSocket-Accept: ";
constexpr std::string_view subprotocol_name = "\r\nSec-WebSocket-Protocol: ";
constexpr std::string_view extensions_name = "\r\nSec-WebSocket-Extensions: ";
constexpr std::string_view head_end = "\r\n\r\n";

static_assert(accepted.size() + websocket_accept_bytes + subprotocol_name.size() + subprotocol_bytes_max +
                  extensions_name.size() + deflate_answer_bytes_max + head_end.size() <=
              reply_bytes_max);

/// The fields that tell the client what would have been right.
std::string_view advice(status code) noexcept {
    if (code == status::upgrade_required)
        return "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n";
    if (code == status::method_not_allowed) return "Allow: GET\r\nConnection: close\r\n";
    return "Connection: close\r\n";
}

} // namespace

std::size_t write_switching_protocols(std::span<char> out, const upgrade_verdict& verdict) noexcept {
    CHECK(verdict.code == status::switching_protocols);
    const std::size_t protocol_line = verdict.subprotocol.empty() ? 0 : subprotocol_name.size();
    const std::string_view deflate = answer_to_deflate(verdict.deflate);
    const std::size_t extensions_line = deflate.empty() ? 0 : extensions_name.size();
    const std::size_t size = accepted.size() + websocket_accept_bytes + protocol_line + verdict.subprotocol.size() +
                             extensions_line + deflate.size() + head_end.size();
    if (out.size() < size) return 0;

    char* at = out.data();
    const auto put = [&](std::string_view text) {
        std::memcpy(at, text.data(), text.size());
        at += text.size();
    };
    put(accepted);
    write_accept(std::span<char, websocket_accept_bytes>{at, websocket_accept_bytes}, verdict.key);
    at += websocket_accept_bytes;
    if (!verdict.subprotocol.empty()) {
        put(subprotocol_name);
        put(verdict.subprotocol);
    }
    if (!deflate.empty()) {
        put(extensions_name);
        put(deflate);
    }
    put(head_end);
    return size;
}

std::size_t write_refusal(std::span<char> out, status code, std::string_view reason, refusal_form form) noexcept {
    reason = reason.substr(0, reason_bytes_max);
    std::array<char, date_bytes> date;
    const bool dated = form.unix_time_s != 0;
    if (dated) write_date(date, form.unix_time_s);
    std::array<char, 32> later;
    const std::size_t later_bytes =
        form.retry_after_s == 0
            ? 0
            : fmt::format_to_n(later.data(), later.size(), "Retry-After: {}\r\n", form.retry_after_s).size;
    const auto written =
        fmt::format_to_n(out.data(), out.size(),
                         "HTTP/1.1 {} {}\r\n{}{}{}{}{}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}{}",
                         static_cast<unsigned>(code), phrase(code), dated ? "Date: " : "",
                         dated ? std::string_view{date.data(), date.size()} : std::string_view{}, dated ? "\r\n" : "",
                         advice(code), std::string_view{later.data(), later_bytes}, reason.size() + 1,
                         form.head_only ? std::string_view{} : reason, form.head_only ? "" : "\n");
    return written.size <= out.size() ? written.size : 0;
}

} // namespace carillon::http
