#include "http/upgrade.hpp"

#include "base/bytes.hpp"
#include "http/body_reply.hpp"
#include "http/credentials.hpp"
#include "net/system_calls.hpp"
#include "session/half.hpp"
#include "session/server.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace carillon::session {

namespace {
const std::string every_origin = "*";
constexpr unsigned retry_after_s = 5; // what is too much now is rarely less in the next moment
constexpr std::array<std::string_view, 2> subprotocols{"centrifuge-json", "centrifuge-protobuf"};

// By subprotocol or by query (§1.1).
bool asks_for_protobuf(const http::request_head& head, const http::upgrade_verdict& verdict) noexcept {
    if (!verdict.subprotocol.empty()) return verdict.subprotocol == "centrifuge-protobuf";
    return http::query_has(head.query(), "format=protobuf") || http::query_has(head.query(), "cf_protocol=protobuf");
}

hub::format format_of(const http::request_head& head, const http::upgrade_verdict& verdict,
                      bool only_listens) noexcept {
    const hub::format plain = only_listens                       ? hub::format::uni_websocket
                              : asks_for_protobuf(head, verdict) ? hub::format::websocket_protobuf
                                                                 : hub::format::websocket_json;
    if (verdict.deflate == http::deflate_agreement::none) return plain;
    const bool narrow = verdict.deflate == http::deflate_agreement::narrow;
    return carriers::deflated(plain, narrow ? ws::deflate_window::narrow : ws::deflate_window::wide);
}

bool is_one_of(const std::vector<std::string>& pages, std::string_view path) noexcept {
    return std::ranges::any_of(pages, [&](std::string_view each) {
        return each.ends_with("/*") ? path.starts_with(each.substr(0, each.size() - 1)) : path == each;
    });
}

std::int64_t unix_time_s() noexcept { return static_cast<std::int64_t>(std::time(nullptr)); }
} // namespace

std::span<const std::string> server::allowed_origins() const noexcept {
    return options_.dev ? std::span{&every_origin, 1} : std::span{options_.allowed_origins};
}

// Over the limit on connections: the answer of protocol §0, and no record.
void server::refuse(int descriptor) {
    ++counters().upgrade_refused(503);
    std::array<char, http::reply_bytes_max> reply;
    const std::size_t size =
        http::write_refusal(reply, http::status::service_unavailable, "Too many connections. Try again later.",
                            {.unix_time_s = unix_time_s(), .retry_after_s = retry_after_s});
    tell_refusal({descriptor, 503, "Too many connections.", {}});
    (void)shard().calls.send(descriptor, as_bytes({reply.data(), size}));
}

void server::refuse_upgrade(client& c, http::status status, std::string_view reason, const http::request_head* head) {
    ++counters().upgrade_refused(static_cast<int>(status));
    std::array<char, http::reply_bytes_max> reply;
    const std::size_t size =
        http::write_refusal(reply, status, reason,
                            {.unix_time_s = unix_time_s(),
                             .head_only = head != nullptr && head->method() == "HEAD",
                             .retry_after_s = status == http::status::service_unavailable ? retry_after_s : 0});
    std::string_view detail = head == nullptr ? std::string_view{} : head->path();
    if (status == http::status::forbidden) detail = head->first(http::known_header::origin);
    tell_refusal({c.descriptor, static_cast<unsigned>(status), reason, detail, kept_address(c)});
    ++counters().connections_closed(0);
    link::server::close(c, {reply.data(), size}, false);
}

// Returns the bytes that follow the head, once the connection is a WebSocket; otherwise nothing.
std::span<std::byte> server::upgrade(client& c, std::span<std::byte> bytes) {
    std::size_t head_bytes = 0;
    if (c.busy == nullptr || c.busy->kept == nullptr) {
        // Nearly always the head comes in one piece and is read where it lies.
        std::size_t scanned = 0;
        if (!judge_head(c, as_text(bytes), scanned, head_bytes)) return {};
        if (head_bytes > 0) return bytes.subspan(head_bytes);
        auto kept = std::make_unique<half_head>();
        kept->bytes.assign(as_text(bytes));
        kept->scanned = scanned;
        const std::size_t size = kept->bytes.size();
        keep(c, std::move(kept), size);
        return {};
    }
    auto& kept = static_cast<half_head&>(*c.busy->kept);
    const std::size_t before = kept.bytes.size();
    kept.bytes.append(as_text(bytes));
    keep_bytes(c, kept.bytes.size());
    if (!judge_head(c, kept.bytes, kept.scanned, head_bytes) || head_bytes == 0) return {};
    // The head ends in what has just come: nothing before it was a head.
    forget_kept(c);
    settle(c);
    return bytes.subspan(head_bytes - before);
}

// False: the connection has been refused or handed over. True with `head_bytes` 0: more is needed.
bool server::judge_head(client& c, std::string_view bytes, std::size_t& scanned, std::size_t& head_bytes) {
    http::request_head head;
    const http::parse_result parsed = http::parse_head(bytes, scanned, head, options_.head);
    if (parsed.outcome == http::parse_outcome::need_more) return true;
    if (parsed.outcome == http::parse_outcome::refused) {
        refuse_upgrade(c, parsed.refusal, parsed.reason);
        return false;
    }
    if (!identify(c, head)) return false;
    const std::optional<transport> other = transport_at(head.path());
    const bool only_listens = other == transport::uni_websocket;
    if (other && !only_listens) return judge_carrier(c, bytes, head, *other);
    const bool is_ours =
        only_listens || (head.path() == options_.path && options_.transports.has(transport::websocket));
    if (!http::wants_upgrade(head) && !is_ours) {
        judge_request(c, bytes, head);
        return false;
    }
    const http::upgrade_verdict verdict = http::decide_upgrade(
        head, {.path = is_ours ? head.path() : std::string_view{},
               .subprotocols = std::span{subprotocols}.first(only_listens ? 1 : subprotocols.size()),
               .allowed_origins = allowed_origins(),
               .deflate = options_.compression.on});
    if (verdict.code != http::status::switching_protocols) {
        refuse_upgrade(c, verdict.code, verdict.reason, &head);
        return false;
    }
    std::array<char, http::reply_bytes_max> reply;
    const std::size_t size = http::write_switching_protocols(reply, verdict);
    ++counters().upgrades;
    c.move_to(stage::connecting);
    c.speak(format_of(head, verdict, only_listens));
    if (carriers::is_deflated(c.speaks())) ++counters().compressions_agreed;
    replies().serve(c);
    schedule(c, options_.connect_timeout);
    send(c, {reply.data(), size});
    head_bytes = head.size();
    if (!c.gone) talks_.on_carried(c, head);
    // Who only listens may say at once what it would have sent as its message.
    std::string request;
    if (!c.gone && only_listens && http::decode_form(http::query_value(head.query(), "cf_connect"), request) &&
        !request.empty()) {
        begin_listening(c, request);
    }
    return !c.gone;
}

// A request that is no upgrade. Only who asks for something that is there costs the control plane's thread anything.
void server::judge_request(client& c, std::string_view bytes, const http::request_head& head) {
    if (!plain_http_ || !is_one_of(options_.pages, head.path())) {
        return refuse_upgrade(c, http::status::not_found, "There is nothing at this path.", &head);
    }
    std::string taken{bytes};
    ++counters().connections_closed(0);
    const int descriptor = release_descriptor(c);
    if (descriptor >= 0) plain_http_(descriptor, std::move(taken));
}

} // namespace carillon::session
