#include "protocol/json_members.hpp"

#include "base/check.hpp"

namespace carillon::protocol {

namespace ondemand = simdjson::ondemand;

result<void> member_reader::read_any(value from, any_value& into) {
    ondemand::json_type type;
    if (from.type().get(type)) return decode_error::not_json;
    std::string_view raw;
    switch (type) {
    case ondemand::json_type::array: {
        ondemand::array array;
        if (from.get_array().get(array) || array.raw_json().get(raw)) return decode_error::not_json;
        break;
    }
    case ondemand::json_type::object: {
        ondemand::object object;
        if (from.get_object().get(object) || object.raw_json().get(raw)) return decode_error::not_json;
        break;
    }
    case ondemand::json_type::string: {
        raw = from.raw_json_token();
        // One that nobody has read is passed over together with a colon that follows it, as if it were a name.
        ondemand::raw_json_string passed;
        if (from.get_raw_json_string().get(passed)) return decode_error::not_json;
        break;
    }
    default: raw = from.raw_json_token(); break;
    }
    while (!raw.empty() && static_cast<unsigned char>(raw.back()) <= ' ') raw.remove_suffix(1);
    // simdjson has looked at the structure only; everybody who gets it will parse the rest.
    switch (classify(raw)) {
    case payload_kind::too_deep: too_deep = true; [[fallthrough]];
    case payload_kind::json: into.raw = raw; return {};
    case payload_kind::text:
    case payload_kind::binary: return decode_error::bad_payload;
    }
    CHECK(false);
}

} // namespace carillon::protocol
