#include "protocol/decode_error.hpp"

#include <string>

namespace carillon::protocol {

namespace {

class decode_error_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.protocol"; }
    std::string message(int value) const override {
        switch (static_cast<decode_error>(value)) {
        case decode_error::empty: return "the message or one of its lines is empty";
        case decode_error::not_json: return "a line is not one JSON object";
        case decode_error::torn: return "a length does not fit, or a command is not protobuf";
        case decode_error::wrong_type: return "a member of a command has the wrong type";
        case decode_error::bad_payload: return "an embedded payload is not valid JSON";
        case decode_error::no_method: return "a command asks for nothing";
        }
        return "unknown";
    }
};

} // namespace

const boost::system::error_category& decode_category() noexcept {
    static const decode_error_category category;
    return category;
}

} // namespace carillon::protocol
