#include "protocol/emulation.hpp"

#include "protocol/payload.hpp"

#include <simdjson.h>

#include <protozero/pbf_reader.hpp>

namespace carillon::protocol {

bool read_emulation_json(std::string_view body, emulation_request& into) {
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

bool read_emulation_protobuf(std::string_view body, emulation_request& into) {
    try {
        protozero::pbf_reader from{body.data(), body.size()};
        while (from.next()) {
            const bool is_bytes = from.wire_type() == protozero::pbf_wire_type::length_delimited;
            if (is_bytes && from.tag() == 1) {
                into.node = from.get_string();
            } else if (is_bytes && from.tag() == 2) {
                into.session = from.get_string();
            } else if (is_bytes && from.tag() == 3) {
                into.data = from.get_string();
            } else {
                from.skip();
            }
        }
    } catch (const protozero::exception&) { return false; }
    return !into.session.empty() && !into.data.empty();
}

} // namespace carillon::protocol
