#include "protobuf/emulation.hpp"

#include <protozero/pbf_reader.hpp>

namespace carillon::protobuf {

bool read_emulation(std::string_view body, protocol::emulation_request& into) {
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

} // namespace carillon::protobuf
