#include "http/reference_parser.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>

namespace carillon::http::test {
namespace {

bool is_tchar(unsigned char byte) {
    return byte < 0x80 &&
           (std::isalnum(byte) != 0 ||
            (byte != 0 && std::string_view{"!#$%&'*+-.^_`|~"}.find(static_cast<char>(byte)) != std::string::npos));
}

std::string lower(std::string text) {
    for (char& byte : text) byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
    return text;
}

std::string trimmed(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t");
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Whether some byte can follow `target` so that it becomes, or is (`ended`), a target.
bool is_target(const std::string& target, bool ended) {
    if (target.empty()) return !ended;
    if (target[0] == '/' || target == "*") return true;
    static const std::regex authority{R"((\[[-\w.~%!$&'()*+,;=:]+\]|[-\w.~%!$&'()*+,;=]+)(:\d{0,5})?)"};
    for (const std::string scheme : {"http://", "https://", "ws://", "wss://"}) {
        const std::string start = lower(target.substr(0, scheme.size()));
        if (start != scheme.substr(0, start.size())) continue;
        if (target.size() <= scheme.size()) return !ended;
        if (!ended) return target[scheme.size()] != '/' && target[scheme.size()] != '?';
        const std::string rest = target.substr(scheme.size());
        return std::regex_match(rest.substr(0, rest.find_first_of("/?")), authority);
    }
    return false;
}

status judge_whole(const reference_head& head) {
    if (head.fields.size() > headers_max) return status::header_fields_too_large;
    std::map<std::string, int> times;
    for (const auto& [name, value] : head.fields) ++times[lower(name)];
    for (const char* once :
         {"host", "origin", "content-length", "transfer-encoding", "sec-websocket-key", "sec-websocket-version"})
        if (times[once] > 1) return status::bad_request;
    if (times["content-length"] > 0 && times["transfer-encoding"] > 0) return status::bad_request;
    return status{};
}

} // namespace

reference_head read_by_the_book(std::string_view bytes) {
    enum {
        empty_line_feed,
        method,
        target,
        version,
        line_feed_of_request,
        name,
        value,
        line_feed,
        last_line_feed
    } state = method;
    reference_head head;
    const auto refuse = [&head](status code) {
        head.outcome = parse_outcome::refused;
        head.refusal = code;
        return head;
    };
    std::string text; // of the part being read
    std::string field_name;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == head_bytes_max) break;
        const char byte = bytes[i];
        const auto code = static_cast<unsigned char>(byte);
        switch (state) {
        case method:
            if (byte == '\r' && i == 0) {
                state = empty_line_feed;
            } else if (byte == ' ' && !text.empty()) {
                head.method = std::exchange(text, "");
                state = target;
            } else if (is_tchar(code) && text.size() < 16) {
                text += byte;
            } else {
                return refuse(status::bad_request);
            }
            break;
        case empty_line_feed:
            if (byte != '\n') return refuse(status::bad_request);
            state = method;
            break;
        case target:
            if (byte == ' ') {
                if (!is_target(text, true)) return refuse(status::bad_request);
                head.target = std::exchange(text, "");
                state = version;
            } else {
                text += byte;
                if (code <= 0x20 || code >= 0x7f || byte == '#' || !is_target(text, false))
                    return refuse(status::bad_request);
            }
            break;
        case version: {
            const std::size_t at = text.size();
            text += byte;
            if (at == 5 && std::isdigit(code) != 0 && byte != '1') return refuse(status::http_version_not_supported);
            if (at == 7 && std::isdigit(code) != 0) {
                head.minor_version = byte - '0';
            } else if (at == 8) {
                if (byte != '\r') return refuse(status::bad_request);
                text.clear();
                state = line_feed_of_request;
            } else if (at == 7 || byte != "HTTP/1."[at]) {
                return refuse(status::bad_request);
            }
            break;
        }
        case line_feed_of_request:
            if (byte != '\n') return refuse(status::bad_request);
            state = name;
            break;
        case name:
            if (byte == '\r' && text.empty()) {
                state = last_line_feed;
            } else if (byte == ':' && !text.empty()) {
                field_name = std::exchange(text, "");
                state = value;
            } else if (is_tchar(code)) {
                text += byte;
            } else {
                return refuse(status::bad_request);
            }
            break;
        case value:
            if (byte == '\r')
                state = line_feed;
            else if ((code < 0x20 && byte != '\t') || code == 0x7f)
                return refuse(status::bad_request);
            else
                text += byte;
            break;
        case line_feed:
            if (byte != '\n') return refuse(status::bad_request);
            head.fields.emplace_back(field_name, trimmed(std::exchange(text, "")));
            state = name;
            break;
        case last_line_feed:
            if (byte != '\n') return refuse(status::bad_request);
            if (const status verdict = judge_whole(head); verdict != status{}) return refuse(verdict);
            head.outcome = parse_outcome::complete;
            head.size = i + 1;
            return head;
        }
    }
    if (bytes.size() < head_bytes_max) return head;
    const bool in_request_line = state <= line_feed_of_request;
    return refuse(in_request_line ? status::uri_too_long : status::header_fields_too_large);
}

} // namespace carillon::http::test
