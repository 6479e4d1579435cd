#include "outward/error.hpp"

#include <string>

namespace carillon::outward {

namespace {

const char* sentence(error why) noexcept {
    switch (why) {
    case error::busy: return "too many requests are on their way";
    case error::broken: return "it has failed too often just now";
    case error::timed_out: return "no whole answer came in time";
    case error::unreachable: return "nobody can be reached there";
    case error::untrusted: return "TLS failed, or its certificate is not good";
    case error::lost: return "the connection ended before the answer was whole";
    case error::malformed: return "the answer is no HTTP";
    case error::too_big: return "the answer is too large";
    case error::stopped: return "the process ends";
    }
    return "not an error of carillon.outward";
}

// The destructor of Boost's category is protected and not virtual, on purpose: categories are never deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.outward"; }
    std::string message(int value) const override { return sentence(static_cast<error>(value)); }
};

#pragma GCC diagnostic pop

} // namespace

const boost::system::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

error_code make_error_code(error why) noexcept { return {static_cast<int>(why), error_category()}; }

} // namespace carillon::outward
