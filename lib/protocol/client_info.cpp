#include "protocol/client_info.hpp"

#include <simdjson.h>

#include <string>

namespace carillon::protocol {

namespace {

namespace ondemand = simdjson::ondemand;

// A text with room behind it, where simdjson may read, and what reads it. Kept by each thread.
struct reader {
    ondemand::parser parser;
    std::string text;

    bool begin(std::string_view json, ondemand::document& into) {
        text.assign(json);
        text.append(simdjson::SIMDJSON_PADDING, ' ');
        return parser.iterate(simdjson::padded_string_view{text.data(), json.size(), text.size()}).get(into) ==
               simdjson::SUCCESS;
    }
};

std::string_view trimmed(std::string_view raw) noexcept {
    while (!raw.empty() && static_cast<unsigned char>(raw.back()) <= ' ') raw.remove_suffix(1);
    return raw;
}

} // namespace

bool read_client_info(std::string_view json, client_info& into) {
    thread_local reader mine;
    into = {};
    ondemand::document document;
    ondemand::object object;
    if (!mine.begin(json, document) || document.get_object().get(object)) return false;
    for (auto each : object) {
        ondemand::field field;
        std::string_view key;
        if (std::move(each).get(field) || field.unescaped_key().get(key)) return false;
        simdjson::error_code failed = simdjson::SUCCESS;
        if (key == "user") {
            failed = field.value().get_string().get(into.user);
        } else if (key == "client") {
            failed = field.value().get_string().get(into.client);
        } else {
            std::string_view raw;
            failed = simdjson::to_json_string(field.value()).get(raw);
            if (key == "conn_info") into.conn_info = trimmed(raw);
            if (key == "chan_info") into.chan_info = trimmed(raw);
        }
        if (failed) return false;
    }
    return true;
}

void each_tag(std::string_view json, const std::function<void(std::string_view, std::string_view)>& visit) {
    thread_local reader mine;
    ondemand::document document;
    ondemand::object object;
    if (!mine.begin(json, document) || document.get_object().get(object)) return;
    for (auto each : object) {
        ondemand::field field;
        std::string_view key;
        if (std::move(each).get(field) || field.unescaped_key().get(key)) return;
        std::string_view text;
        if (!field.value().get_string().get(text)) visit(key, text);
    }
}

} // namespace carillon::protocol
