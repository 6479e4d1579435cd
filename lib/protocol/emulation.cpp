#include "protocol/emulation.hpp"

#include "protocol/payload.hpp"

#include <simdjson.h>

namespace carillon::protocol {

bool read_emulation(std::string_view body, emulation_request& into) {
    namespace ondemand = simdjson::ondemand;
    if (!is_json(body)) return false; // simdjson looks at what it is asked for only
    const simdjson::padded_string padded{body};
    thread_local ondemand::parser parser;
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(padded).get(document) || document.get_object().get(object)) return false;
    for (auto each : object) {
        ondemand::field field;
        std::string_view key;
        if (std::move(each).get(field) || field.unescaped_key().get(key)) return false;
        std::string* const to = key == "node"      ? &into.node
                                : key == "session" ? &into.session
                                : key == "data"    ? &into.data
                                                   : nullptr;
        if (to == nullptr) continue;
        std::string_view text;
        if (field.value().get_string().get(text)) return false;
        *to = text;
    }
    return !into.session.empty() && !into.data.empty();
}

} // namespace carillon::protocol
