#include "hooks/question.hpp"

#include "keys/base64.hpp"
#include "protocol/payload.hpp"

namespace carillon::hooks {

namespace {

void append_text(std::string& out, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    out += name;
    protocol::append_json_string(out, text);
}

void append_json(std::string& out, std::string_view name, std::string_view json) {
    if (json.empty()) return;
    out += name;
    out += json;
}

} // namespace

std::string body_of(const question& what) {
    std::string out = R"({"client":)";
    protocol::append_json_string(out, what.client);
    append_text(out, R"(,"transport":)", what.transport);
    append_text(out, R"(,"protocol":)", what.protobuf ? "protobuf" : "json");
    append_text(out, R"(,"encoding":)", what.bytes.empty() ? "json" : "binary");
    if (what.about != event::connect) {
        out += R"(,"user":)";
        protocol::append_json_string(out, what.user);
    }
    append_text(out, R"(,"channel":)", what.channel);
    append_text(out, R"(,"token":)", what.token);
    append_text(out, R"(,"method":)", what.method);
    append_text(out, R"(,"name":)", what.name);
    append_text(out, R"(,"version":)", what.version);
    append_json(out, R"(,"meta":)", what.meta);
    append_json(out, R"(,"data":)", what.data);
    if (!what.bytes.empty()) append_text(out, R"(,"b64data":)", keys::to_base64(what.bytes));
    out += '}';
    return out;
}

} // namespace carillon::hooks
