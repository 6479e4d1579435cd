#include "base/bytes.hpp"
#include "http/body_reply.hpp"
#include "http/credentials.hpp"
#include "http/upgrade.hpp"
#include "protobuf/emulation.hpp"
#include "session/half.hpp"
#include "session/server.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <utility>

// Clients that are told over the body of an HTTP response (protocol §7): server-sent events and HTTP streams, which say
// something by requests of their own to /emulation, and those that only listen. Such a client is a record as every
// other, with another format and nothing to read.
namespace carillon::session {

namespace {

std::int64_t unix_time_s() noexcept { return static_cast<std::int64_t>(std::time(nullptr)); }

using passing = options::passing;

constexpr std::size_t listening_room = 32; // around a ConnectRequest, to make a command of it
constexpr std::string_view protobuf_type = "application/octet-stream";

std::string_view content_type_of(hub::format speaks) noexcept {
    switch (speaks) {
    case hub::format::sse:
    case hub::format::uni_sse: return "text/event-stream";
    case hub::format::stream_protobuf: return protobuf_type;
    default: return "application/x-ndjson";
    }
}

// The length of the request's body; nothing: it is not said in a way that is taken here.
std::optional<std::size_t> body_bytes_of(const http::request_head& head) noexcept {
    using http::known_header;
    if (head.has(known_header::transfer_encoding)) return std::nullopt;
    if (!head.has(known_header::content_length))
        return head.method() == "POST" ? std::nullopt : std::optional{std::size_t{0}};
    const std::string_view text = head.first(known_header::content_length);
    std::size_t size = 0;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (why != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return size;
}

http::cross_origin cross_origin_of(const http::request_head& head) noexcept {
    return {.origin = head.first(http::known_header::origin),
            .asked_headers = http::field_of(head, "access-control-request-headers")};
}

// To the shard that has the client, or to the gateway: a balancer may lead each of its requests to another one.
passing pass_on(const options& how, std::uint32_t shard, protocol::emulation_request asked) {
    if (asked.node != how.node) {
        if (!how.emulate_elsewhere) return passing::nobody;
        return how.emulate_elsewhere(std::move(asked.node), std::move(asked.session), std::move(asked.data));
    }
    if (!how.emulate) return passing::nobody;
    return how.emulate(shard, std::move(asked.session), std::move(asked.data)) ? passing::taken : passing::too_many;
}

} // namespace

std::optional<transport> server::transport_at(std::string_view path) const noexcept {
    for (const auto& [name, what] : carriers::transport_paths) {
        if (path == name && options_.transports.has(what)) return what;
    }
    return std::nullopt;
}

// A request to one of these paths. True: its body has not come whole.
bool server::judge_carrier(client& c, std::string_view bytes, const http::request_head& head, transport what) {
    const std::span<const std::string> origins = allowed_origins();
    if (!http::origin_is_allowed(head, origins)) {
        refuse_upgrade(c, http::status::forbidden, "This origin may not connect.", &head);
        return false;
    }
    const http::cross_origin asking = cross_origin_of(head);
    if (head.method() == "OPTIONS") {
        std::string answer;
        http::append_no_content(answer, asking, true, unix_time_s());
        end_request(c, answer);
        return false;
    }
    const bool posts = head.method() == "POST";
    if (!posts && (head.method() != "GET" || what == transport::emulation)) {
        const bool only_posts = what == transport::emulation;
        refuse_upgrade(c, http::status::method_not_allowed,
                       only_posts ? "This is asked for with POST." : "This is asked for with GET or POST.", &head);
        return false;
    }
    const std::optional<std::size_t> size = body_bytes_of(head);
    if (!size) {
        refuse_upgrade(c, http::status::length_required, "The body must come with its Content-Length.", &head);
        return false;
    }
    if (*size > options_.message_bytes_max) {
        refuse_upgrade(c, http::status::payload_too_large, "The body is larger than a message may be.", &head);
        return false;
    }
    if (bytes.size() - head.size() < *size) return true;
    std::string message;
    const std::string_view query = http::query_value(head.query(), "cf_connect");
    if (posts) {
        message = bytes.substr(head.size(), *size);
    } else if (!http::decode_form(query, message)) {
        refuse_upgrade(c, http::status::bad_request, "The parameter cf_connect is not what a form makes of it.", &head);
        return false;
    }
    const bool binary = posts && http::field_of(head, "content-type") == protobuf_type;
    if (what == transport::emulation) {
        take_emulated(c, message, binary, asking, head);
    } else {
        begin_stream(c, std::move(message), what, binary, asking, head);
    }
    return false;
}

// A request that is answered and done with.
void server::end_request(client& c, std::string_view answer) {
    ++counters().connections_closed(0);
    link::server::close(c, answer, false);
}

void server::begin_stream(client& c, std::string message, transport what, bool binary, const http::cross_origin& asking,
                          const http::request_head& head) {
    switch (what) {
    case transport::sse: c.speak(hub::format::sse); break;
    case transport::uni_sse: c.speak(hub::format::uni_sse); break;
    case transport::uni_http_stream: c.speak(hub::format::uni_stream); break;
    default: c.speak(binary ? hub::format::stream_protobuf : hub::format::stream_json); break;
    }
    replies().serve(c);
    ++counters().upgrades;
    c.move_to(stage::connecting);
    schedule(c, options_.connect_timeout);
    std::string answer;
    http::append_stream_head(answer, content_type_of(c.speaks()), asking, unix_time_s());
    if (c.speaks() == hub::format::sse || c.speaks() == hub::format::uni_sse) answer += "\r\n"; // §7.1
    talks_.on_carried(c, head);
    send(c, answer);
    if (c.gone) return;
    // What the head and the body were read from is not used any more from here on.
    if (c.busy != nullptr && c.busy->kept != nullptr) {
        forget_kept(c);
        settle(c);
    }
    hear(c, std::move(message));
}

// What a client says that does not say it in frames.
void server::hear(client& c, std::string message) {
    message.reserve(message.size() + work::work_pool::readable_padding);
    ++counters().messages_received;
    if (carriers::only_listens(c.speaks())) {
        begin_listening(c, message);
    } else {
        if (message.empty()) return break_off(c, metrics::protocol_failure::malformed_command);
        handle_lines(c, message, 0);
    }
    if (!c.gone && !c.closing && c.waits()) read_frames(c, {}); // keeps the rest
}

// The one request of a client that only listens is a ConnectRequest, or nothing (§7.4).
void server::begin_listening(client& c, std::string_view request) {
    if (c.where() != stage::connecting) return; // what else it says, pongs perhaps, is not looked at
    if (request.size() > options_.message_bytes_max - listening_room)
        return break_off(c, metrics::protocol_failure::message_too_big);
    std::string& line = connect_; // which outlives this call, because the command may have to wait
    line = R"({"id":1,"connect":)";
    for (const char each : request) line += each == '\n' || each == '\r' ? ' ' : each;
    if (request.empty()) line += "{}";
    line += '}';
    line.reserve(line.size() + work::work_pool::readable_padding);
    handle_lines(c, line, 0);
}

// Commands of a client whose messages come by requests of their own, over whichever connection (§7.3).
void server::take_emulated(client& c, std::string_view body, bool binary, const http::cross_origin& asking,
                           const http::request_head& head) {
    protocol::emulation_request asked;
    const bool read = binary ? protobuf::read_emulation(body, asked) : protocol::read_emulation(body, asked);
    const auto of = read ? people::client_ids::shard_of_session(asked.session) : std::nullopt;
    if (!read) { return refuse_upgrade(c, http::status::bad_request, "The body is no request of a session.", &head); }
    const passing done = of ? pass_on(options_, *of, std::move(asked)) : passing::nobody;
    switch (done) {
    case passing::taken: break;
    case passing::nobody: return refuse_upgrade(c, http::status::not_found, "There is no such node or session.", &head);
    case passing::too_many:
        return refuse_upgrade(c, http::status::service_unavailable, "Too many requests wait.", &head);
    case passing::too_large:
        return refuse_upgrade(c, http::status::payload_too_large, "Its node cannot be sent so much.", &head);
    }
    std::string answer;
    http::append_no_content(answer, asking, false, unix_time_s());
    end_request(c, answer);
}

void server::on_emulated(std::string_view session, std::string data) {
    const auto place = talks_.ids().place_of_session(session);
    auto* const found = place ? find(*place) : nullptr;
    if (found == nullptr || found->closing || carriers::is_framed(found->speaks()) ||
        carriers::only_listens(found->speaks()))
        return;
    client& c = *found;
    if (c.waits()) return hear_later(c, data);
    const hold kept{*this, c}; // what it says may end it
    if (c.channels.count > 0) hub_->flush();
    replies().serve(c);
    unhandled_ = {};
    hear(c, std::move(data));
    end_burst();
}

// While it waits for an answer, as much as may be in one message.
void server::hear_later(client& c, std::string_view data) {
    auto& kept = static_cast<half_message&>(*c.busy->kept);
    if (kept.lines.size() + data.size() > options_.message_bytes_max)
        return disconnect(c, protocol::disconnect::too_many_requests);
    if (!kept.lines.empty() && !carriers::speaks_protobuf(c.speaks()) && kept.lines.back() != '\n') kept.lines += '\n';
    kept.lines += data;
    keep_bytes(c, kept.size());
}

} // namespace carillon::session
