#include "ws/error.hpp"

#include <string>

namespace carillon::ws {
namespace {

const char* sentence(error why) noexcept {
    switch (why) {
    case error::none: return "nothing is wrong";
    case error::reserved_bits: return "a reserved bit is set though no extension gives it a meaning there";
    case error::reserved_opcode: return "the opcode is reserved";
    case error::control_fragmented: return "a control frame does not carry FIN";
    case error::control_too_long: return "a control frame announces more than 125 bytes";
    case error::length_not_minimal: return "the payload length is written in more bytes than it needs";
    case error::length_too_big: return "the top bit of the 64-bit payload length is set";
    case error::not_masked: return "a client sent a frame that is not masked";
    case error::masked: return "a server sent a frame that is masked";
    case error::unexpected_continuation: return "a continuation frame came while no message was open";
    case error::message_interrupted: return "a new message began before the open one was finished";
    case error::message_too_big: return "a message is longer than the limit";
    case error::invalid_utf8: return "a text message or the reason of a close frame is not UTF-8";
    case error::not_deflated: return "what is marked as compressed is no DEFLATE";
    case error::close_too_short: return "a close frame carries one byte, half a close code";
    case error::close_code_invalid: return "a close frame carries a code that may not be sent";
    }
    return "not an error of carillon.ws";
}

// The destructor of Boost's category is protected and not virtual, on purpose: categories are never deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.ws"; }
    std::string message(int value) const override { return sentence(static_cast<error>(value)); }
};

#pragma GCC diagnostic pop

} // namespace

const boost::system::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

boost::system::error_code make_error_code(error why) noexcept { return {static_cast<int>(why), error_category()}; }

} // namespace carillon::ws
