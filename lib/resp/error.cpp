#include "resp/error.hpp"

#include <string>

namespace carillon::resp {
namespace {

// Boost leaves the destructor of its base public and plain on purpose; no category is ever deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.resp"; }
    std::string message(int value) const override { return std::string{text(static_cast<error>(value))}; }
};

#pragma GCC diagnostic pop

} // namespace

std::string_view text(error why) noexcept {
    switch (why) {
    case error::invalid_multibulk_length: return "Protocol error: invalid multibulk length";
    case error::invalid_bulk_length: return "Protocol error: invalid bulk length";
    case error::expected_bulk: return "Protocol error: expected '$'";
    case error::too_big_multibulk_count: return "Protocol error: too big mbulk count string";
    case error::too_big_bulk_count: return "Protocol error: too big bulk count string";
    case error::too_big_inline: return "Protocol error: too big inline request";
    case error::unbalanced_quotes: return "Protocol error: unbalanced quotes in request";
    case error::unauthenticated_multibulk_length: return "Protocol error: unauthenticated multibulk length";
    case error::unauthenticated_bulk_length: return "Protocol error: unauthenticated bulk length";
    case error::missing_line_end: return "Protocol error: expected CRLF";
    case error::command_too_big: return "Protocol error: too big request";
    case error::unknown_type: return "Protocol error: unknown type of reply";
    case error::invalid_length: return "Protocol error: invalid length in reply";
    case error::invalid_integer: return "Protocol error: invalid integer in reply";
    case error::invalid_double: return "Protocol error: invalid double in reply";
    case error::invalid_boolean: return "Protocol error: invalid boolean in reply";
    case error::invalid_null: return "Protocol error: invalid null in reply";
    case error::invalid_big_number: return "Protocol error: invalid big number in reply";
    case error::invalid_verbatim: return "Protocol error: invalid verbatim string in reply";
    case error::streamed_value: return "Protocol error: streamed value in reply";
    case error::nested_push: return "Protocol error: push inside a reply";
    case error::too_many_nodes: return "Protocol error: too many values in reply";
    case error::too_deep: return "Protocol error: reply nested too deep";
    case error::reply_too_big: return "Protocol error: too big reply";
    }
    return "Protocol error";
}

const boost::system::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

} // namespace carillon::resp
